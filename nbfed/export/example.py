"""An input to try a model with: the shape and type of one, never anybody's values."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nbfed.export.model import ExportError

# Any number but 1, which exporters take for a constant.
ROWS = 2
_ASK = "say what the model takes with --input-shape, for example --input-shape 1,3,224,224"

Form = tuple[tuple[int, ...], torch.dtype]


def from_shapes(shapes: Iterable[str], dtypes: Sequence[str]) -> list[Form]:
    """The inputs that ``1,13`` and ``float32`` stand for; the first number is the rows'."""
    forms = []
    for index, text in enumerate(shapes):
        try:
            shape = tuple(int(number) for number in text.split(","))
        except ValueError:
            shape = ()
        if not shape or min(shape) < 1:
            raise ExportError(f"--input-shape {text} is no shape", "for example 1,13")
        name = dtypes[index] if index < len(dtypes) else "float32"
        dtype = getattr(torch, name, None)
        if not isinstance(dtype, torch.dtype):
            raise ExportError(f"--input-dtype {name} is no type of torch", "for example int64")
        forms.append((shape, dtype))
    return forms


def from_data(model: nn.Module, data: Any) -> list[Form]:
    """The inputs that the first loader or data set of a site's data holds for the model.

    Raises ExportError where they cannot be told from the data.
    """
    wanted = _inputs(model)
    for value in data:
        parts = _first(value)
        tensors = [each for each in parts if isinstance(each, Tensor)][:wanted]
        if len(tensors) == wanted and tensors[0].dim() > 0:
            return [(tuple(each.shape), each.dtype) for each in tensors]
    raise ExportError("the site's data do not tell what the model takes", _ASK)


def made(forms: Iterable[Form], rows: int = ROWS) -> tuple[Tensor, ...]:
    """Inputs of these forms with so many rows: noise, or zeros where the type is none of floats."""
    generator = torch.Generator().manual_seed(0)
    inputs = []
    for shape, dtype in forms:
        size = (rows, *shape[1:])
        if dtype.is_floating_point:
            inputs.append(torch.randn(size, generator=generator, dtype=torch.float32).to(dtype))
        else:
            # Indices, say, of words: 0 is in every vocabulary.
            inputs.append(torch.zeros(size, dtype=dtype))
    return tuple(inputs)


def _inputs(model: nn.Module) -> int:
    """How many positional arguments without a default ``forward`` has; 1 where it does not say."""
    parameters = inspect.signature(model.forward).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty]
    return max(1, len(needed))


def _first(value: Any) -> Sequence[Any]:
    """The parts of the first batch of a loader, of a tensor itself, or nothing."""
    if isinstance(value, Tensor):
        return [value]
    if not isinstance(value, torch.utils.data.DataLoader):
        return []
    batch = next(iter(value), None)
    if isinstance(batch, Tensor):
        return [batch]
    return list(batch) if isinstance(batch, list | tuple) else []
