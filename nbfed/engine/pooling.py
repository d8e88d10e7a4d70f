"""The pooled baseline: one site that holds the data of all, as if they could be brought together.

Runs in a worker process. Each hospital's data are loaded by the client package, as that hospital
would, and put together value by value.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset, RandomSampler

POOLED = "pooled"


class PoolingError(ValueError):
    """Values of several sites that do not go together."""


def add_pooled_site(package: str, nodes: Mapping[str, Mapping[str, Any]]) -> None:
    """Give the client app of ``package`` a site "pooled" with the data of ``nodes``."""
    client, kept_values, failures = (
        importlib.import_module(f"{package}.{name}") for name in ("client_app", "kept", "failures")
    )
    members = [client.Site(nodes[name]) for name in sorted(nodes)]
    site = client.Site({"site": POOLED, "exchange-all": True})
    kept = kept_values.Kept()
    # The client app sends its text on: nothing here is secret.
    refusal = failures.Refusal

    def data(trip: Any) -> Any:
        parts = [member.data(trip) for member in members]
        # A member's data are the same object as long as it keeps them. The parts are kept too,
        # or another object might get the id of one.
        _, pooled = kept.get([id(part) for part in parts], lambda: (parts, _pooled(parts, refusal)))
        return pooled

    site.data = data
    client.sites[POOLED] = site


def _pooled(parts: Sequence[Any], refusal: Callable[[str], Exception]) -> Any:
    try:
        return pool(parts)
    except PoolingError as error:
        raise refusal(str(error)) from error


def pool(parts: Sequence[Any]) -> Any:
    """Put the named tuples of several sites together, field by field; raises PoolingError."""
    kind = type(parts[0])
    return kind(
        **{
            name: pool_values(name, [getattr(part, name) for part in parts])
            for name in kind._fields
        }
    )


def pool_values(name: str, values: Sequence[Any]) -> Any:
    """Put the values of one name together, in order; raises PoolingError."""
    first = values[0]
    try:
        if all(isinstance(value, DataLoader) for value in values):
            return _pool_loaders(values)
        if all(isinstance(value, torch.Tensor) for value in values):
            return _pool_arrays(values, torch.cat)
        if all(isinstance(value, np.ndarray) for value in values):
            return _pool_arrays(values, np.concatenate)
        if all(isinstance(value, Dataset) for value in values):
            return ConcatDataset(values)
        if all(isinstance(value, list) for value in values):
            return [item for value in values for item in value]
        if all(isinstance(value, tuple) for value in values) and _same(map(len, values)):
            pooled = [pool_values(name, column) for column in zip(*values, strict=True)]
            return type(first)(*pooled) if hasattr(first, "_fields") else tuple(pooled)
        if _are_frames(values):
            return importlib.import_module("pandas").concat(list(values), ignore_index=True)
    except (RuntimeError, ValueError, TypeError) as error:
        raise PoolingError(_cannot(name, first)) from error
    if _are_equal(values):
        return first
    raise PoolingError(_cannot(name, first))


def _pool_loaders(loaders: Sequence[DataLoader[Any]]) -> DataLoader[Any]:
    first = loaders[0]
    if first.batch_sampler is not None and first.batch_size is None:
        raise ValueError("a batch sampler of the notebook's own")
    return DataLoader(
        ConcatDataset([loader.dataset for loader in loaders]),
        batch_size=first.batch_size,
        shuffle=isinstance(first.sampler, RandomSampler),
        collate_fn=first.collate_fn,
        drop_last=first.drop_last,
        num_workers=first.num_workers,
        pin_memory=first.pin_memory,
    )


def _pool_arrays(values: Sequence[Any], join: Callable[[list[Any]], Any]) -> Any:
    # A single number a site (a mean, a class count) is no data: it has to be the same one.
    if values[0].ndim == 0:
        if _are_equal([value.item() for value in values]):
            return values[0]
        raise ValueError("numbers that differ")
    return join(list(values))


def _are_frames(values: Sequence[Any]) -> bool:
    return all(type(value).__module__.split(".")[0] == "pandas" for value in values)


def _are_equal(values: Sequence[Any]) -> bool:
    scalars = (str, int, float, bool, bytes, type(None), np.number)
    return all(isinstance(value, scalars) for value in values) and _same(values)


def _same(values: Any) -> bool:
    listed = list(values)
    return all(value == listed[0] for value in listed)


def _cannot(name: str, value: Any) -> str:
    return f"pooled: cannot put `{name}` (type {type(value).__name__}) together"
