"""The same work as large.ipynb."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

EXAMPLES, BATCH_SIZE, LR, MOMENTUM = 64, 32, 0.01, 0.9
METRIC = "error"


def build_model(config: Mapping[str, object]) -> nn.Module:
    torch.manual_seed(int(str(config["seed"])))
    width, layers = int(str(config["width"])), int(str(config["layers"]))
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(layers)))


class Site:
    """A site with data that are made up."""

    def __init__(self, config: Mapping[str, object], _: Mapping[str, object]) -> None:
        generator = torch.Generator().manual_seed(int(str(config["seed"])))
        self._inputs = torch.randn(EXAMPLES, int(str(config["width"])), generator=generator)
        self._targets = self._inputs.roll(1, dims=1)

    def train(self, model: nn.Module, _: int) -> int:
        criterion = nn.MSELoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
        model.train()
        for start in range(0, EXAMPLES, BATCH_SIZE):
            rows = slice(start, start + BATCH_SIZE)
            optimizer.zero_grad()
            criterion(model(self._inputs[rows]), self._targets[rows]).backward()
            optimizer.step()
        return EXAMPLES

    def evaluate(self, model: nn.Module) -> tuple[int, float]:
        model.eval()
        with torch.no_grad():
            return EXAMPLES, float(nn.MSELoss()(model(self._inputs), self._targets))
