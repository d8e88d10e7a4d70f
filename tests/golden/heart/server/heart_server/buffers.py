"""Buffers under strategies that compute with updates.

A step of an optimizer at the server, or a normalised update, is meant for parameters. Applied to a
batch normalisation's statistics it can make a variance negative; these are averaged instead.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from flwr.app import Array, ArrayRecord
from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy import Strategy

from .array_bytes import value_of
from .fednova import FedNova
from .replies import TrainReply
from .scaffold import Scaffold

_OPTIMIZERS = (
    flower.FedAvgM,
    flower.FedAdam,
    flower.FedYogi,
    flower.FedAdagrad,
    flower.QFedAvg,
    Scaffold,
    FedNova,
)


def optimizes(strategy: Strategy) -> bool:
    """Say whether ``strategy`` makes a step from the updates rather than a kind of mean."""
    return isinstance(strategy, _OPTIMIZERS)


def with_means(
    made: ArrayRecord, replies: Sequence[TrainReply], buffers: Collection[str]
) -> ArrayRecord:
    """Return ``made`` with the mean of the sites' ``buffers``, weighted by their examples."""
    examples = [reply.train.examples for reply in replies]
    total = sum(examples)
    means = {}
    for name in made.keys() & set(buffers):
        values = [value_of(reply.arrays[name]).astype(np.float64) for reply in replies]
        mean = sum(n / total * value for n, value in zip(examples, values, strict=True))
        means[name] = Array(np.asarray(mean))
    return ArrayRecord({name: means.get(name, array) for name, array in made.items()})
