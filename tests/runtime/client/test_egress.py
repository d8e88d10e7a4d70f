from __future__ import annotations

import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from flwr.app import Array, ArrayRecord
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)

from tests.runtime import demo
from tests.runtime.loading import Client, importable


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("egress")
    demo.write_packages(demo.program(), folder)
    with importable(folder / "client"):
        yield Client("demo_client", {"site": "a"})


@pytest.fixture(scope="module")
def egress(package: Client) -> ModuleType:
    return package.module("egress")


@pytest.fixture(scope="module")
def refusal(package: Client) -> type[Exception]:
    made: type[Exception] = package.module("failures").Refusal
    return made


@pytest.mark.parametrize(
    "value",
    [1, True, 1.0, np.float32(1), np.int64(1), np.bool_(True), torch.tensor(1.0), np.array(1)],
    ids=lambda value: type(value).__name__,
)
def test_single_numbers_leave_as_floats(egress: ModuleType, value: Any) -> None:
    record = egress.numbers({"loss": value}, declared=("loss",), examples=3)
    assert dict(record) == {"num-examples": 3, "loss": 1.0}
    assert type(record["loss"]) is float


def test_nan_is_told_as_it_is(egress: ModuleType) -> None:
    record = egress.numbers({"loss": float("nan")}, declared=("loss",), examples=3)
    assert math.isnan(record["loss"])


@pytest.mark.parametrize(
    ("metrics", "declared", "message"),
    [
        ({"loss": [1.0]}, ("loss",), "metric 'loss' is a list, not a single number"),
        ({"loss": "0.5"}, ("loss",), "metric 'loss' is a str, not a single number"),
        ({"loss": None}, ("loss",), "metric 'loss' is a NoneType, not a single number"),
        ({"loss": torch.ones(2)}, ("loss",), "metric 'loss' is a Tensor, not a single number"),
        ({"loss": 1j}, ("loss",), "metric 'loss' is a complex, not a single number"),
        (
            {"loss": float("-inf")},
            ("loss",),
            "metric 'loss' is infinite, or too large for a measurement",
        ),
        (
            {"loss": 1e308},
            ("loss",),
            "metric 'loss' is infinite, or too large for a measurement",
        ),
        (
            {"loss": 10**400},
            ("loss",),
            "metric 'loss' is infinite, or too large for a measurement",
        ),
        (
            {str(number): 0.0 for number in range(257)},
            None,
            "257 metrics are too many, 256 may leave",
        ),
        (
            {"loss": 1.0, "Erika Mustermann": 0.3},
            ("loss",),
            "metric 2 has a name that this package does not declare",
        ),
        ({"Erika Mustermann": "ill"}, None, "metric 1 is a str, not a single number"),
        ({"x" * 65: 1.0}, None, "metric 1 has a name that cannot be sent"),
        ({7: 1.0}, None, "metric 1 has a name that cannot be sent"),
        ({"num-examples": 1.0}, None, "metric 1 has a name that cannot be sent"),
    ],
)
def test_all_else_stays(
    egress: ModuleType,
    refusal: type[Exception],
    metrics: dict[Any, Any],
    declared: tuple[str, ...] | None,
    message: str,
) -> None:
    with pytest.raises(refusal) as caught:
        egress.numbers(metrics, declared=declared, examples=3)
    assert str(caught.value) == message


def test_a_guessed_metric_that_is_none_stays_here(
    egress: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = {"loss": 0.5, "rows": torch.ones(2), "best": float("inf")}
    record = egress.numbers(metrics, declared=tuple(metrics), examples=3, guessed=True)
    assert dict(record) == {"num-examples": 3, "loss": 0.5}
    assert [record.getMessage() for record in caplog.records] == [
        "metric 'rows' is a Tensor, not a single number; it is not sent. "
        "`metrics=` chooses what is",
        "metric 'best' is infinite, or too large for a measurement; it is not sent. "
        "`metrics=` chooses what is",
    ]


def test_a_name_that_is_not_declared_is_refused_guessed_or_not(
    egress: ModuleType, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal, match="does not declare"):
        egress.numbers({"Erika": 1.0}, declared=("loss",), examples=3, guessed=True)


class Stream(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(3))


DATASET = TensorDataset(torch.zeros(10, 2))


class Moved:
    """A loader in a wrapper, as notebooks make it to move batches to a device."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self.loader = loader
        self.device = "cpu"

    def __len__(self) -> int:
        return len(self.loader)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (DataLoader(DATASET, batch_size=4), 10),
        (DataLoader(Subset(DATASET, [1, 2])), 2),
        (DATASET, 10),
        (torch.zeros(5, 3), 5),
        (np.zeros((6, 3)), 6),
        ([1, 2, 3], 3),
        pytest.param((torch.zeros(5, 3), torch.zeros(5)), 5, id="inputs and labels"),
        pytest.param(Subset(DATASET, [1, 2]), 2, id="subset"),
        pytest.param(
            DataLoader(DATASET, sampler=SubsetRandomSampler([1, 2, 3])), 3, id="sampler of a part"
        ),
        pytest.param(Moved(DataLoader(DATASET, batch_size=5)), 10, id="wrapped loader"),
        pytest.param({"x": torch.zeros(5, 3), "y": torch.zeros(5)}, 5, id="dictionary of arrays"),
    ],
)
def test_examples_are_counted(egress: ModuleType, data: Any, expected: int) -> None:
    assert egress.count(data) == expected


@pytest.mark.parametrize(
    ("loaders", "trained", "tested"),
    [
        ({"train": DATASET, "val": [1, 2]}, 10, 2),
        ({"val": [1, 2], "trn": DATASET}, 10, 2),
        ({"train": DATASET}, 10, 10),
    ],
)
def test_of_a_dictionary_of_loaders_the_right_one_counts(
    egress: ModuleType, loaders: dict[str, Any], trained: int, tested: int
) -> None:
    assert egress.count(loaders) == trained
    assert egress.count(loaders, training=False) == tested


@pytest.mark.parametrize("data", [DataLoader(Stream()), torch.tensor(3), 4, {"train": 4}])
def test_what_has_no_length_is_refused(
    egress: ModuleType, refusal: type[Exception], data: Any
) -> None:
    with pytest.raises(refusal, match="does not tell how many examples"):
        egress.count(data)


def test_only_the_arrays_of_the_model_leave(egress: ModuleType, refusal: type[Exception]) -> None:
    received = ArrayRecord({"w": Array(np.zeros(3, np.float32))})
    same = ArrayRecord({"w": Array(np.ones(3, np.float32))})
    left, stayed = egress.parted(same, received, ())
    assert left == same and not stayed
    for arrays in (
        {"w": Array(np.zeros(4, np.float32))},
        {"w": Array(np.zeros(3, np.float64))},
        {"w": Array(np.zeros(3, np.float32)), "patients": Array(np.zeros(3))},
        {},
    ):
        with pytest.raises(refusal, match="not those of the model"):
            egress.parted(ArrayRecord(arrays), received, ())


def test_what_stays_does_not_leave_and_must_not_be_lost(
    egress: ModuleType, refusal: type[Exception]
) -> None:
    received = ArrayRecord({"w": Array(np.zeros(3, np.float32))})
    trained = ArrayRecord({"w": Array(np.ones(3)), "norm": Array(np.ones(2))})
    trained["w"] = Array(np.ones(3, np.float32))
    left, stayed = egress.parted(trained, received, {"norm"})
    assert (list(left), list(stayed)) == (["w"], ["norm"])
    with pytest.raises(refusal, match="lost entries that stay"):
        egress.parted(left, received, {"norm"})
    with pytest.raises(refusal, match="not those of the model"):
        egress.parted(trained, received, ())
