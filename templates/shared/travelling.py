"""Which entries of a model travel between the server and the sites, and which stay local."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from .exchange import plain_names

ALL, TRAINABLE = "all", "trainable"

# BatchNorm2d, GroupNorm, LayerNorm, RMSNorm, and what notebooks and libraries call alike.
_NORMALISATION = re.compile(r"Norm(\dd)?$")


def travelling_names(model: nn.Module, exchange: Sequence[str]) -> frozenset[str]:
    """Return the names of the entries that ``exchange`` lets travel.

    Its items are "all", "trainable" or patterns of names (``encoder.*``). "trainable" are the
    parameters that training changes, and the buffers of the layers that have such parameters:
    the statistics of a batch normalisation belong to its weights.
    """
    names = plain_names(model)
    if ALL in exchange:
        return frozenset(names.values())
    chosen = _trainable(model, names) if TRAINABLE in exchange else set()
    chosen |= {
        plain for plain in names.values() if any(fnmatchcase(plain, item) for item in exchange)
    }
    return frozenset(chosen)


def normalisation_names(model: nn.Module) -> frozenset[str]:
    """Return the names of all parameters and buffers of normalisation layers."""
    names = plain_names(model)
    return frozenset(
        plain
        for path, module in model.named_modules()
        if _NORMALISATION.search(type(module).__name__)
        for raw, plain in names.items()
        if raw.startswith(f"{path}.")
    )


def buffer_names(model: nn.Module) -> frozenset[str]:
    """Return the names of the entries that no gradient changes by their nature."""
    parameters = {raw for raw, _ in model.named_parameters(remove_duplicate=False)}
    return frozenset(plain for raw, plain in plain_names(model).items() if raw not in parameters)


def _trainable(model: nn.Module, names: dict[str, str]) -> set[str]:
    chosen = set()
    for path, module in model.named_modules():
        trained = [
            name for name, value in module.named_parameters(recurse=False) if value.requires_grad
        ]
        if trained:
            own = [*trained, *(name for name, _ in module.named_buffers(recurse=False))]
            chosen |= {f"{path}.{name}".lstrip(".") for name in own} & names.keys()
    return {names[raw] for raw in chosen}
