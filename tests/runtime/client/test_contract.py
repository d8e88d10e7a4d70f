from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from .conftest import Installed


@pytest.fixture
def description(installed: Installed) -> ModuleType:
    return installed.client.module("description")


def loader(
    rows: int = 40, columns: int = 3, classes: int = 2, scale: float = 1.0, **options: Any
) -> DataLoader[Any]:
    features = torch.linspace(0, scale, rows * columns).reshape(rows, columns)
    labels = torch.arange(rows) % classes
    return DataLoader(TensorDataset(features, labels), **{"batch_size": 16, **options})


def test_a_loader_is_described_by_its_batch(description: ModuleType) -> None:
    assert description.describe(loader(), 2000) == {
        "kind": "loader",
        "examples": True,
        "batch": {
            "kind": "list",
            "items": [
                {
                    "kind": "array",
                    "dtype": "float32",
                    "shape": [None, 3],
                    "range": [0.0, 1.0],
                },
                {"kind": "array", "dtype": "int64", "shape": [None], "classes": 2},
            ],
        },
    }


def test_neither_numbers_of_examples_nor_values_are_told(description: ModuleType) -> None:
    ages = np.array([61.0, 97.0, 23.0, 48.0, 55.0])
    told = json.dumps(
        {
            "loader": description.describe(loader(rows=37), 2000),
            "array": description.describe(ages, 2000),
            "table": description.describe(pd.DataFrame({"age": ages}), 2000),
            "list": description.describe([str(age) for age in range(100)], 2000),
        }
    )
    assert "37" not in told and '"5"' not in told and "[5" not in told
    assert description.describe(ages * 1.01, 9)["range"] == [23.0, 98.0]
    assert description.describe(np.array([-0.01234, 123.4]), 9)["range"] == [-0.013, 130.0]


def test_a_generator_of_the_loader_does_not_move_on(description: ModuleType) -> None:
    draw = torch.Generator().manual_seed(7)
    described = loader(shuffle=True, generator=draw)
    before = draw.get_state()
    description.describe(described, 2000)
    assert torch.equal(draw.get_state(), before)


class Endless(IterableDataset[torch.Tensor]):
    def __iter__(self) -> Any:
        raise AssertionError("its examples are for the training")


def test_forms_of_data(description: ModuleType) -> None:
    def describe(value: object) -> Any:
        return description.describe(value, 100)

    table = pd.DataFrame({"age": [61, 62], "sex": ["m", "f"], "ill": [True, False]})
    assert describe(table) == {
        "kind": "table",
        "columns": {"age": "number", "sex": "text", "ill": "flag"},
    }
    assert describe({"x": np.zeros((5, 2)), "n": 3})["entries"]["n"] == {
        "kind": "value",
        "type": "int",
    }
    assert describe(DataLoader(Endless()))["batch"] is None
    assert describe(loader(rows=0))["examples"] is False
    assert describe(loader(batch_size=None))["batch"]["items"][0]["shape"] == [3]
    assert describe(TensorDataset(torch.zeros(4, 2)))["batch"]["items"][0]["shape"] == [2]
    ragged = DataLoader([torch.zeros(2, 3), torch.zeros(2, 5)], batch_size=1)  # type: ignore[arg-type]
    assert describe(ragged)["batch"]["shape"] == [None, 2, None]


def test_what_differs_is_told_with_its_place(installed: Installed, description: ModuleType) -> None:
    contract = installed.client.module("contract")

    def found(here: object, *, wanted: object = None) -> list[tuple[str, bool]]:
        described = [
            {"train": description.describe(value, 2000)}
            for value in (loader() if wanted is None else wanted, here)
        ]
        return [
            (f"{each.place} {each.text}", each.serious) for each in contract.differences(*described)
        ]

    assert found(loader(rows=17, batch_size=4)) == []
    assert found(loader(columns=4)) == [("train.batch[0] has the shape (*, 4), not (*, 3)", True)]
    assert found(loader(classes=3)) == [
        ("train.batch[1] has labels up to 2, and there are 2 classes from 0 on", True)
    ]
    assert found(loader(scale=255.0)) == [
        ("train.batch[0] has values from 0 to 260, far from 0 to 1", False)
    ]
    assert found(loader(scale=1.9)) == []
    assert found(loader(rows=0)) == [("train has no examples", True)]
    assert found([1, 2]) == [("train is a list, not a loader", True)]
    table = pd.DataFrame({"age": [61.0], "ill": [1]})
    assert found(pd.DataFrame({"ill": [True], "bmi": [22.5]}), wanted=table) == [
        ("train has no column 'age'", True),
        ("train has the column 'ill' as flag, not as number", False),
        ("train has more columns: 'bmi'", False),
    ]
    double = np.array([1.0, np.nan])
    assert found(double, wanted=np.zeros(9, np.float32)) == [
        ("train is of float64, not of float32", True),
        ("train has values that are NaN or infinite", False),
    ]
    assert contract.differences({"test": {"kind": "value", "type": "int"}}, {})[0].text == (
        "is not there"
    )


def test_a_site_compares_its_data_before_it_starts(
    installed: Installed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = installed.client
    own_data, contract = client.module("own_data"), client.module("contract")
    site = client.module("site").Site(client.node)
    described = own_data.describe_data(own_data.load_own_data(site), 2000)
    model = {"0.weight": ("float32", (4, 3))}

    def write(package: str = own_data.DIGEST) -> None:
        text = contract.Contract(package, described, model).to_json()
        (tmp_path / "contract.json").write_text(text)

    own_data.require_contract(tmp_path, client.node)
    write()
    assert contract.read_contract(tmp_path) == contract.Contract(own_data.DIGEST, described, model)
    own_data.require_contract(tmp_path, client.node)
    described["train_loader"]["batch"]["items"][0]["shape"] = [None, 7]
    write()
    site_error = client.module("exits").SiteError
    with pytest.raises(site_error, match=r"train_loader\.batch\[0\] has the shape \(\*, 3\), not"):
        own_data.require_contract(tmp_path, client.node)
    write("0" * 64)
    with pytest.raises(site_error, match="was made for another package"):
        own_data.require_contract(tmp_path, client.node)
    (tmp_path / "contract.json").write_text("{}")
    with pytest.raises(site_error, match="is no data contract"):
        own_data.require_contract(tmp_path, client.node)
