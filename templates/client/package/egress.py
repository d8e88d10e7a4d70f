"""What may leave this site: the model's arrays, and plain numbers by names declared beforehand."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from flwr.app import ArrayRecord, MetricRecord
from torch.utils.data import DataLoader, Dataset

from .exchange import check_like, only
from .failures import Refusal

EXAMPLES = "num-examples"
_LONGEST_NAME = 64
_MOST_NAMES = 256
# The largest float32: what is beyond it is no measurement, and sums of it may overflow.
_LARGEST = 3.4e38
_TRAINING = re.compile(r"tr(ai)?n", re.IGNORECASE)

_log = logging.getLogger(__package__)


def numbers(
    metrics: Mapping[str, Any],
    *,
    declared: tuple[str, ...] | None,
    examples: int,
    guessed: bool = False,
) -> MetricRecord:
    """Return ``metrics`` as floats, with the number of examples that they are about.

    ``declared`` are the names that may leave; None where the notebook makes them as it runs.
    Raises Refusal for anything that is not a single number under such a name. Where the names are
    ``guessed`` from the notebook's text, such a value stays here instead, and the log tells it.
    """
    if len(metrics) > _MOST_NAMES:
        raise Refusal(f"{len(metrics)} metrics are too many, {_MOST_NAMES} may leave")
    record = MetricRecord({EXAMPLES: examples})
    for position, (name, value) in enumerate(metrics.items(), start=1):
        # A name that nobody declared may hold data: it is not even repeated to the server.
        if declared is not None and name not in declared:
            raise Refusal(f"metric {position} has a name that this package does not declare")
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or name == EXAMPLES:
            raise Refusal(f"metric {position} has a name that cannot be sent")
        try:
            number = _number(value, f"metric {name!r}" if declared else f"metric {position}")
        except Refusal as refusal:
            if not guessed:
                raise
            _log.warning("%s; it is not sent. `metrics=` chooses what is", refusal)
            continue
        record[name] = number
    return record


def parted(
    arrays: ArrayRecord, received: ArrayRecord, staying: Collection[str]
) -> tuple[ArrayRecord, ArrayRecord]:
    """Part the trained model's entries in those that leave and those that stay here.

    What leaves has the names, shapes and types of what was received. Raises Refusal where the
    model has other entries than these and ``staying``.
    """
    stay = only(arrays, staying)
    leave = ArrayRecord({name: array for name, array in arrays.items() if name not in stay})
    if reason := check_like(leave, received):
        raise Refusal(f"the trained weights are not those of the model that came: {reason}")
    if stay.keys() != set(staying):
        raise Refusal("the trained model has lost entries that stay at this site")
    return leave, stay


def count(data: Any, *, training: bool = True) -> int:
    """Count the examples of a loader, a dataset, an array, a table, or a dictionary of such.

    Of a dictionary of loaders the one counts whose key says that it is for ``training``, or that
    it is not. Raises Refusal where that has no length.
    """
    if isinstance(data, Mapping):
        data = _entry(data, training)
    data = _inner_loader(data, training)
    sampler = getattr(data, "sampler", None)
    # A subset has a dataset too, but is one itself.
    dataset = data if isinstance(data, Dataset) else getattr(data, "dataset", data)
    for counted in (sampler, dataset):
        # Inputs and labels, say: as many as the first of them.
        items: Any = counted[0] if isinstance(counted, tuple) and counted else counted
        try:
            # A sampler may draw from a part of the dataset only.
            return len(items)
        except TypeError:
            shape = getattr(items, "shape", ())
        if shape:
            return int(shape[0])
    raise Refusal(f"a {type(data).__name__} does not tell how many examples it has")


def _entry(data: Mapping[Any, Any], training: bool) -> Any:
    fitting = [value for key, value in data.items() if bool(_TRAINING.search(str(key))) == training]
    if not data:
        raise Refusal("an empty dictionary does not tell how many examples it has")
    return (fitting or list(data.values()))[0]


def _inner_loader(data: Any, training: bool) -> Any:
    """Find the loader in an object of the notebook's own that stands for it."""
    for method in ("train_dataloader",) if training else ("test_dataloader", "val_dataloader"):
        # Of a data module; what it inherits from its library gives none.
        if any(method in vars(kind) for kind in type(data).__mro__ if _is_own(kind)):
            return getattr(data, method)()
    if isinstance(data, DataLoader | Dataset) or hasattr(data, "dataset"):
        return data
    held = getattr(data, "__dict__", {}).values()
    loaders = [value for value in held if isinstance(value, DataLoader)]
    return loaders[0] if len(loaders) == 1 else data


def _is_own(kind: type) -> bool:
    return not kind.__module__.startswith(("lightning.", "pytorch_lightning."))


def _number(value: Any, what: str) -> float:
    if isinstance(value, torch.Tensor | np.ndarray) and value.ndim == 0:
        value = value.item()
    known = isinstance(value, int | float | np.number | np.bool_)
    if not known:
        raise Refusal(f"{what} is a {type(value).__name__}, not a single number")
    # Compared before it is converted: an integer may be too large to be a float at all.
    if abs(value) > _LARGEST:
        raise Refusal(f"{what} is infinite, or too large for a measurement")
    return float(value)
