"""The model, a site's data, and what is done with them, as in large.ipynb."""

from __future__ import annotations

import torch
from torch import nn

EXAMPLES, BATCH_SIZE, LR, MOMENTUM = 64, 32, 0.01, 0.9


def build_model(width: int, layers: int) -> nn.Module:
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(layers)))


def load_data(width: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.randn(EXAMPLES, width, generator=torch.Generator().manual_seed(seed))
    return inputs, inputs.roll(1, dims=1)


def train(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    model.train()
    for start in range(0, EXAMPLES, BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        optimizer.zero_grad()
        criterion(model(inputs[rows]), targets[rows]).backward()
        optimizer.step()


def evaluate(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        return float(nn.MSELoss()(model(inputs), targets))
