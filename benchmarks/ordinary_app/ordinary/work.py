"""What the federation works at: a module of this package, by the name in the run's settings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from torch import nn


class Site(Protocol):
    """A site's data, and what is done with them; both return the number of examples, too."""

    def train(self, model: nn.Module, number: int) -> int: ...

    def evaluate(self, model: nn.Module) -> tuple[int, float]: ...


class Work(Protocol):
    """A model, its sites, and the name of what they measure."""

    METRIC: str

    def build_model(self, config: Mapping[str, object]) -> nn.Module: ...

    def Site(self, config: Mapping[str, object], node: Mapping[str, object]) -> Site: ...


def work_of(config: Mapping[str, object]) -> Work:
    return cast("Work", import_module(f"ordinary.{config['work']}"))
