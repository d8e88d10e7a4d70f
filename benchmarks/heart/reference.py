"""FLamby's protocol for Fed-Heart-Disease as one plain PyTorch loop, without any framework.

A seed sets two things: the first weights, `torch.manual_seed(seed)` right before `nn.Linear`,
and the order in which rows are drawn. With learning rate 0.001, 1,500 steps do not reach the
optimum, and so the first weights decide the result almost alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.seeding import seed_everything

LR = 0.001
BATCH_SIZE = 4
UPDATES = 100
ROUNDS = 15
EPOCHS_ALONE = 50  # of the pooled and the own-site models, which Adam trains
FEATURES = 13
FLOOR = 1e-9  # added to deviations: nobody in Switzerland has a cholesterol value


@dataclass(frozen=True)
class Hospital:
    """One hospital's rows: features [rows, 13] as measured, labels [rows] 0 or 1."""

    name: str
    features: NDArray[np.float32]
    labels: NDArray[np.float32]
    train: NDArray[np.int64]
    test: NDArray[np.int64]

    def scale(self) -> Scale:
        return scale_of(self.features[self.train])

    def rows(self, part: NDArray[np.int64], scale: Scale) -> tuple[Tensor, Tensor]:
        mean, std = scale
        inputs = (self.features[part] - mean) / (std + FLOOR)
        return torch.tensor(inputs), torch.tensor(self.labels[part])


Scale = tuple[NDArray[np.float32], NDArray[np.float32]]
Rows = tuple[Tensor, Tensor]


def scale_of(features: NDArray[np.float32]) -> Scale:
    """Mean and deviation (ddof 1) of each column."""
    return features.mean(axis=0), features.std(axis=0, ddof=1)


def read_hospital(file: Path) -> Hospital:
    """Preprocess one file of examples/heart-disease/data as the benchmark does."""
    table = pd.read_csv(file).drop(columns=["slope", "ca", "thal"]).dropna()
    labels = (table["num"] > 0).to_numpy(dtype="float32")
    features = table.drop(columns=["cp", "restecg", "num"])
    for column, values in {"cp": (2, 3, 4), "restecg": (1, 2)}.items():
        for value in values:
            features[f"{column}_{value}"] = table[column] == value
    rarer = min(labels.sum(), (1 - labels).sum())
    train, test = train_test_split(
        np.arange(len(labels)),
        train_size=0.66,
        test_size=1 - 0.66,
        random_state=43,
        stratify=labels if rarer > 2 else None,
    )
    return Hospital(
        file.stem, features.to_numpy(dtype="float32"), labels, np.sort(train), np.sort(test)
    )


def loader_of(rows: Rows) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(TensorDataset(*rows), batch_size=BATCH_SIZE, shuffle=True)


def batches_of(rows: Rows) -> Iterator[Sequence[Tensor]]:
    """Batches without end, shuffled anew in every pass."""
    loader = loader_of(rows)
    while True:
        yield from loader


def first_model(seed: int) -> nn.Linear:
    """The weights that the benchmark starts from with this seed."""
    torch.manual_seed(seed)
    return nn.Linear(FEATURES, 1)


def step(model: nn.Linear, optimizer: torch.optim.Optimizer, batch: Sequence[Tensor]) -> None:
    inputs, targets = batch
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(model(inputs).squeeze(1), targets)
    loss.backward()
    optimizer.step()


def fedavg(hospitals: Sequence[Hospital], seed: int, *, nbfed_order: bool) -> list[list[float]]:
    """Accuracies of every round's model, from the first weights on, at every hospital.

    The rows are drawn as FLamby draws them (one generator for all, each hospital goes on where
    its last round stopped), or with ``nbfed_order`` by nbfed's rule (each round of each hospital
    seeded by itself).
    """
    trains = [hospital.rows(hospital.train, hospital.scale()) for hospital in hospitals]
    tests = [hospital.rows(hospital.test, hospital.scale()) for hospital in hospitals]
    share = np.array([len(hospital.train) for hospital in hospitals], dtype=float)
    share /= share.sum()
    model = first_model(seed)
    torch.manual_seed(seed)
    batches = [batches_of(rows) for rows in trains]
    accuracies = [[accuracy(model, rows) for rows in tests]]
    for number in range(1, ROUNDS + 1):
        trained = []
        for index, hospital in enumerate(hospitals):
            if nbfed_order:
                seed_everything(seed, "train", hospital.name, number)
                batches[index] = batches_of(trains[index])
            local = copy.deepcopy(model)
            optimizer = torch.optim.SGD(local.parameters(), lr=LR)
            for _ in range(UPDATES):
                step(local, optimizer, next(batches[index]))
            trained.append(local.state_dict())
        mean = {
            name: sum(float(part) * state[name] for part, state in zip(share, trained, strict=True))
            for name in model.state_dict()
        }
        model.load_state_dict(mean)
        accuracies.append([accuracy(model, rows) for rows in tests])
    return accuracies


def alone(rows: Rows, seed: int) -> nn.Linear:
    """The benchmark's baseline: Adam for 50 epochs, for one hospital or for all data pooled."""
    model = first_model(seed)
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    loader = loader_of(rows)
    for _ in range(EPOCHS_ALONE):
        for batch in loader:
            step(model, optimizer, batch)
    return model


def own_site(hospitals: Sequence[Hospital], seed: int) -> list[float]:
    """Each hospital's own model on its own test rows."""
    accuracies = []
    for hospital in hospitals:
        scale = hospital.scale()
        model = alone(hospital.rows(hospital.train, scale), seed)
        accuracies.append(accuracy(model, hospital.rows(hospital.test, scale)))
    return accuracies


def pooled(hospitals: Sequence[Hospital], seed: int) -> tuple[list[float], list[float]]:
    """The pooled model's accuracies: as published, and with one scale for all rows.

    The benchmark trains this model on rows that are scaled by the pooled mean and deviation, and
    tests it on rows that each hospital scaled by its own.
    """
    scale = scale_of(np.concatenate([h.features[h.train] for h in hospitals]))
    parts = [hospital.rows(hospital.train, scale) for hospital in hospitals]
    model = alone((torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])), seed)
    as_published = [accuracy(model, h.rows(h.test, h.scale())) for h in hospitals]
    one_scale = [accuracy(model, h.rows(h.test, scale)) for h in hospitals]
    return as_published, one_scale


@torch.no_grad()
def accuracy(model: nn.Linear, rows: Rows) -> float:
    inputs, labels = rows
    return ((model(inputs).squeeze(1) > 0) == (labels > 0)).double().mean().item()
