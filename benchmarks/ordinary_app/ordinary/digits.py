"""The same work as digits.ipynb, by the functions of the plain loop over its sites."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from benchmarks.digits import loop
from benchmarks.seeding import seed_everything

METRIC = "accuracy"


def build_model(config: Mapping[str, object]) -> nn.Module:
    seed_everything(int(str(config["seed"])), "model")
    return loop.make_model()


class Site:
    """One of the three sites, by its name."""

    def __init__(self, config: Mapping[str, object], node: Mapping[str, object]) -> None:
        self._seed = int(str(config["seed"]))
        self._site = loop.load(str(node["site"]), self._seed)

    def train(self, model: nn.Module, number: int) -> int:
        seed_everything(self._seed, "train", self._site.name, number)
        loop.train(model, self._site.train)
        return self._site.examples[0]

    def evaluate(self, model: nn.Module) -> tuple[int, float]:
        return self._site.examples[1], loop.accuracy(model, self._site.test)
