"""What is varied: keys of federation.yaml, each with its values, and all their combinations."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from nbfed.errors import UsageError
from nbfed.federation.errors import nearest

# Those that a run's figures depend on; the seed has an option of its own.
_KEYS = ("strategy", "rounds", "min_sites")
_BELOW = ("params", "strategy")
_EXAMPLE = "for example --set strategy=fedavg,fedprox --set params.LR=0.01,0.1"


@dataclass(frozen=True)
class Axis:
    """A key, dots between its parts, and the values that it takes in turn."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Point:
    """One combination: a value for each key."""

    values: Mapping[str, Any]

    @property
    def label(self) -> str:
        """How a person tells it from the others: ``strategy=fedprox, params.LR=0.1``."""
        return ", ".join(f"{key}={spelled(value)}" for key, value in self.values.items())

    @property
    def slug(self) -> str:
        """The same as part of a folder's name."""
        words = "-".join(
            f"{key.rpartition('.')[2]}-{spelled(value)}" for key, value in self.values.items()
        )
        return re.sub(r"[^A-Za-z0-9.]+", "-", words).strip("-.")[:60]


def spelled(value: Any) -> str:
    """A value as it is written in YAML, on one line."""
    if isinstance(value, str):
        return value
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def parse_axes(texts: Sequence[str]) -> list[Axis]:
    """The axes that ``KEY=VALUE,VALUE`` stand for; raises UsageError."""
    axes = [_axis(text) for text in texts]
    keys = [axis.key for axis in axes]
    if not axes:
        raise UsageError("nothing to vary", hint=f"say it with --set, {_EXAMPLE}")
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise UsageError(f"--set {twice[0]} comes twice", hint="give all its values in one")
    return axes


def points(axes: Sequence[Axis]) -> list[Point]:
    """Every combination, the last axis varying fastest."""
    keys = [axis.key for axis in axes]
    return [
        Point(dict(zip(keys, values, strict=True)))
        for values in itertools.product(*(axis.values for axis in axes))
    ]


def _axis(text: str) -> Axis:
    key, equals, values = text.partition("=")
    key = key.strip()
    if not equals or not values.strip():
        raise UsageError(f"--set {text} has no values", hint=_EXAMPLE)
    head, dot, rest = key.partition(".")
    if not (key in _KEYS or (dot and head in _BELOW and rest.isidentifier())):
        known = (*_KEYS, *(f"{each}.NAME" for each in _BELOW))
        hint = nearest(key, known) or f"what can be varied: {', '.join(known)}"
        raise UsageError(f"--set {key}: a sweep cannot vary that", hint=hint)
    try:
        found = yaml.safe_load(f"[{values}]")
    except yaml.YAMLError:
        raise UsageError(f"--set {text}: the values cannot be read", hint=_EXAMPLE) from None
    unique = [_number(each) for each in found]
    if len({spelled(each) for each in unique}) != len(unique):
        raise UsageError(f"--set {text} has a value twice")
    return Axis(key, tuple(unique))


def _number(value: Any) -> Any:
    """YAML takes ``1e-3`` for text; whoever varies a learning rate does not mean that."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", value):
        return float(value)
    return value
