"""The digits federation as a plain PyTorch loop in one process: what the engines are held to.

The same model, data, seeds and rule of averaging as digits.ipynb in a federation, and nothing of
nbfed or Flower. Prints one JSON object: seconds, and the weighted accuracy of every round's model.

    python -m benchmarks.digits.loop --rounds 5 --seed 42 --threads 1
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.digits.make_data import FOLDER
from benchmarks.seeding import seed_everything

SITES = ("east", "north", "south")  # by name, the order in which nbfed sums
BATCH_SIZE = 32
EPOCHS = 2
LR = 0.02
MOMENTUM = 0.9
SPLIT_SEED = 42

Loader = DataLoader[tuple[torch.Tensor, ...]]


@dataclass(frozen=True)
class Site:
    name: str
    train: Loader
    test: Loader
    examples: tuple[int, int]


def load(name: str, seed: int) -> Site:
    seed_everything(seed, "data", name)
    with np.load(FOLDER / f"{name}.npz") as file:
        images, labels = file["images"], file["labels"]
    images = torch.tensor(images, dtype=torch.float32).unsqueeze(1) / 255
    labels = torch.tensor(labels)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=SPLIT_SEED
    )
    return Site(
        name,
        DataLoader(TensorDataset(images[train], labels[train]), BATCH_SIZE, shuffle=True),
        DataLoader(TensorDataset(images[test], labels[test]), batch_size=250),
        (len(train), len(test)),
    )


def make_model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def train(model: nn.Module, loader: Loader) -> None:
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    model.train()
    for _ in range(EPOCHS):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()


@torch.no_grad()
def accuracy(model: nn.Module, loader: Loader) -> float:
    model.eval()
    predicted = torch.cat([model(images).argmax(dim=1) for images, _ in loader])
    labels = torch.cat([labels for _, labels in loader])
    return (predicted == labels).float().mean().item()


def weighted_accuracy(model: nn.Module, sites: list[Site], seed: int, number: int) -> float:
    total = 0.0
    for site in sites:
        seed_everything(seed, "evaluate", site.name, number)
        total += site.examples[1] * accuracy(model, site.test)
    return total / sum(site.examples[1] for site in sites)


def one_round(model: nn.Module, sites: list[Site], seed: int, number: int) -> None:
    """Train at every site from the model's weights, and put the weighted mean into it."""
    mean = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
    examples = sum(site.examples[0] for site in sites)
    for site in sites:
        local = copy.deepcopy(model)
        seed_everything(seed, "train", site.name, number)
        train(local, site.train)
        for name, value in local.state_dict().items():
            mean[name] += value * (site.examples[0] / examples)
    model.load_state_dict(mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sites = [load(name, options.seed) for name in SITES]
    seed_everything(options.seed, "model")
    model = make_model()
    start = time.perf_counter()
    accuracies = []
    for number in range(1, options.rounds + 1):
        accuracies.append(weighted_accuracy(model, sites, options.seed, number))
        one_round(model, sites, options.seed, number)
    accuracies.append(weighted_accuracy(model, sites, options.seed, options.rounds + 1))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "accuracies": accuracies}))


if __name__ == "__main__":
    main()
