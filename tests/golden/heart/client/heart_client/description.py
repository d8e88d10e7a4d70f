"""Describe data by their form: kinds, types, shapes and ranges, and no value of any example.

The descriptions are plain JSON. Numbers of examples are not in them, and ranges are widened to
round numbers, so that the description of one hospital's data may be given to others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

Description = dict[str, Any]

# Labels are told from other whole numbers by their form: one for each example, few, from 0 on.
_MOST_CLASSES = 1000
_ROUND_DIGITS = 2
# Longer collections hold examples, whose number and keys are nobody's business.
_MOST_PARTS = 64


def describe(value: Any, most: int) -> Description:
    """Describe a loader, a dataset, an array, a table, or a collection of these.

    At most ``most`` examples of a loader or a dataset are looked at, evenly spread. A loader's
    own sequence of random numbers does not move on: examples are taken from its dataset.
    """
    dataset = getattr(value, "dataset", value)
    is_loader = isinstance(value, DataLoader)
    if not is_loader and not isinstance(value, Dataset):
        return _described(value, rows=True)
    if not hasattr(dataset, "__len__"):
        # Its examples come in one order, once; they are left to the training.
        return {"kind": "loader", "examples": True, "batch": None}
    if not len(dataset):
        return {"kind": "loader", "examples": False, "batch": None}
    batches = _batches(value, dataset, most) if is_loader else _examples(dataset, most)
    return {
        "kind": "loader",
        "examples": True,
        "batch": reduce(_merged, (_described(batch) for batch in batches)),
    }


def _examples(dataset: Any, most: int) -> Iterator[Any]:
    step = max(1, math.ceil(len(dataset) / most))
    return (dataset[index] for index in range(0, len(dataset), step))


def _batches(loader: DataLoader[Any], dataset: Any, most: int) -> Iterator[Any]:
    """Make batches as the loader would, and one that is longer by its last example, twice.

    So it shows which of the sizes are the batch's own.
    """
    collate = loader.collate_fn or default_collate
    if loader.batch_sampler is None:
        yield from map(collate, _examples(dataset, most))
        return
    size = loader.batch_size or 1
    waiting: list[Any] = []
    for example in _examples(dataset, most):
        if len(waiting) == size:
            yield collate(waiting)
            waiting = []
        waiting.append(example)
    yield collate(waiting)
    yield collate([*waiting, waiting[-1]])


def _described(value: Any, *, rows: bool = False) -> Description:
    """Describe one value; with ``rows``, the first size of an array is a number of examples."""
    if hasattr(value, "columns") and hasattr(value, "dtypes"):
        return {"kind": "table", "columns": {str(name): _kind(value[name]) for name in value}}
    parts = len(value) if isinstance(value, Mapping | tuple | list) else 0
    if parts > _MOST_PARTS:
        return {"kind": "value", "type": type(value).__name__}
    if isinstance(value, Mapping):
        entries = {str(key): _described(part, rows=rows) for key, part in value.items()}
        return {"kind": "dict", "entries": entries}
    if isinstance(value, tuple | list):
        items = [_described(part, rows=rows) for part in value]
        return {"kind": "tuple" if isinstance(value, tuple) else "list", "items": items}
    array = _array(value)
    if array is None:
        return {"kind": "value", "type": type(value).__name__}
    shape: list[int | None] = list(array.shape)
    if rows and shape:
        shape[0] = None
    found = {"kind": "array", "dtype": str(array.dtype), "shape": shape}
    return found | _numbers(array)


def _kind(column: Any) -> str:
    kind = getattr(getattr(column, "dtype", None), "kind", "O")
    return {"f": "number", "i": "number", "u": "number", "b": "flag", "M": "time"}.get(kind, "text")


def _array(value: Any) -> npt.NDArray[Any] | None:
    if isinstance(value, torch.Tensor):
        dense = value.detach().cpu()
        return np.asarray(dense.float() if dense.dtype == torch.bfloat16 else dense)
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value)
    return np.asarray(value.to_numpy()) if hasattr(value, "to_numpy") else None


def _numbers(array: npt.NDArray[Any]) -> Description:
    """Describe an array's values by their range, or the number of classes that they name."""
    if array.dtype.kind not in "iuf" or not array.size:
        return {}
    finite = array[np.isfinite(array)]
    found: Description = {"not_finite": True} if finite.size < array.size else {}
    if not finite.size:
        return found
    low, high = float(finite.min()), float(finite.max())
    one_each = array.ndim <= 1 or array.shape[1:] == (1,)
    if array.dtype.kind in "iu" and one_each and low >= 0 and high < _MOST_CLASSES:
        return {**found, "classes": int(high) + 1}
    return {**found, "range": [_rounded(low, math.floor), _rounded(high, math.ceil)]}


def _rounded(value: float, towards: Callable[[float], int]) -> float:
    """Round outwards to two digits: nobody is to find the one patient of 97 by it."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - _ROUND_DIGITS + 1)
    return float(f"{towards(value / unit) * unit:.{_ROUND_DIGITS}g}")


def _merged(one: Description, other: Description) -> Description:
    """Return what two descriptions of the same thing have in common."""
    if one["kind"] != other["kind"]:
        return {"kind": "value", "type": "of several kinds"}
    if one["kind"] in ("tuple", "list") and len(one["items"]) == len(other["items"]):
        pairs = zip(one["items"], other["items"], strict=True)
        return {**one, "items": [_merged(*pair) for pair in pairs]}
    if one["kind"] == "dict":
        names = [name for name in one["entries"] if name in other["entries"]]
        merged = {name: _merged(one["entries"][name], other["entries"][name]) for name in names}
        return {**one, "entries": merged}
    if one["kind"] == "array":
        return _merged_arrays(one, other)
    return one if one == other else {"kind": "value", "type": "of several types"}


def _merged_arrays(one: Description, other: Description) -> Description:
    same = one["dtype"] == other["dtype"]
    found: Description = {
        "kind": "array",
        "dtype": one["dtype"] if same else "of several types",
        "shape": _common_shape(one["shape"], other["shape"]),
    }
    if one.get("not_finite") or other.get("not_finite"):
        found["not_finite"] = True
    ranges = [bounds for each in (one, other) if (bounds := _range(each))]
    if "classes" in one and "classes" in other:
        found["classes"] = max(one["classes"], other["classes"])
    elif ranges:
        found["range"] = [min(low for low, _ in ranges), max(high for _, high in ranges)]
    return found


def _range(described: Description) -> list[float] | None:
    if "classes" in described:
        return [0.0, described["classes"] - 1.0]
    bounds: list[float] | None = described.get("range")
    return bounds


def _common_shape(
    one: list[int | None] | None, other: list[int | None] | None
) -> list[int | None] | None:
    """Return the sizes that two shapes share, None for each where they differ; None for none."""
    if one is None or other is None or len(one) != len(other):
        return None
    return [size if size == others else None for size, others in zip(one, other, strict=True)]
