from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, Subset, TensorDataset

from nbfed.engine.pooling import PoolingError, pool, pool_values


class SiteData(NamedTuple):
    loader: Any
    classes: int


def dataset(*values: float) -> TensorDataset:
    return TensorDataset(torch.tensor(values))


def rows(loader: DataLoader[Any]) -> list[float]:
    return [float(row) for (batch,) in loader for row in batch]


def test_loaders_keep_how_they_load() -> None:
    def collate(batch: list[Any]) -> Any:
        return (torch.stack([row for (row,) in batch]),)

    parts = [
        DataLoader(dataset(1, 2, 3), batch_size=2, collate_fn=collate, drop_last=True),
        DataLoader(Subset(dataset(4, 5), [1]), batch_size=2, collate_fn=collate, drop_last=True),
    ]
    pooled = pool_values("loader", parts)
    assert rows(pooled) == [1, 2, 3, 5]
    assert pooled.batch_size == 2
    assert pooled.collate_fn is collate
    assert pooled.drop_last


def test_shuffling_loaders_shuffle() -> None:
    parts = [DataLoader(dataset(*range(50)), shuffle=True) for _ in range(2)]
    pooled = pool_values("loader", parts)
    assert sorted(rows(pooled)) == sorted([*range(50)] * 2)
    assert rows(pooled) != sorted(rows(pooled))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([torch.ones(2, 3), torch.zeros(1, 3)], torch.cat([torch.ones(2, 3), torch.zeros(1, 3)])),
        ([np.ones((2, 3)), np.zeros((1, 3))], np.concatenate([np.ones((2, 3)), np.zeros((1, 3))])),
        ([[1, 2], [3]], [1, 2, 3]),
        ([3, 3], 3),
        ([None, None], None),
        ([torch.tensor(3), torch.tensor(3)], torch.tensor(3)),
    ],
)
def test_values_go_together(values: list[Any], expected: Any) -> None:
    pooled = pool_values("x", values)
    assert type(pooled) is type(expected)
    assert np.array_equal(np.asarray(pooled), np.asarray(expected))


def test_tuples_go_together_column_by_column() -> None:
    features, labels = pool_values(
        "data", [(torch.ones(2, 3), torch.ones(2)), (torch.zeros(1, 3), torch.zeros(1))]
    )
    assert features.shape == (3, 3)
    assert labels.tolist() == [1, 1, 0]


def test_frames_are_stacked() -> None:
    pooled = pool_values("frame", [pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [3]})])
    assert pooled["a"].tolist() == [1, 2, 3]
    assert pooled.index.tolist() == [0, 1, 2]


def test_data_sets_are_chained() -> None:
    assert len(pool_values("data", [dataset(1, 2), dataset(3)])) == 3


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([2, 3], "int"),
        ([{"a": 1}, {"a": 1}], "dict"),
        ([torch.ones(2, 3), torch.ones(2, 4)], "Tensor"),
        ([torch.tensor(1), torch.tensor(2)], "Tensor"),
        ([np.ones(2), torch.ones(2)], "ndarray"),
        (
            [
                DataLoader(
                    dataset(1, 2),
                    batch_sampler=BatchSampler(SequentialSampler(range(2)), 2, drop_last=False),
                )
            ]
            * 2,
            "DataLoader",
        ),
    ],
)
def test_what_does_not_go_together_is_named(values: list[Any], kind: str) -> None:
    with pytest.raises(PoolingError) as caught:
        pool_values("thing", values)
    assert str(caught.value) == f"pooled: cannot put `thing` (type {kind}) together"


def test_a_site_s_data_are_pooled_field_by_field() -> None:
    parts = [SiteData(DataLoader(dataset(1, 2)), 5), SiteData(DataLoader(dataset(3)), 5)]
    pooled = pool(parts)
    assert isinstance(pooled, SiteData)
    assert rows(pooled.loader) == [1, 2, 3]
    assert pooled.classes == 5
