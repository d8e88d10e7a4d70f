"""Model weights as they travel: a model's state, entry by entry, to Flower's arrays and back.

On the wire and on disk every entry has its name, its shape and a numpy type. numpy has no
bfloat16, so such entries travel as float32, which holds each of their values exactly.
Nothing here is pickled or unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import safetensors
import torch
from flwr.app import Array, ArrayRecord
from torch import nn
from torch.nn.parameter import is_lazy

from .array_bytes import array_of, value_of
from .weights_file import sha256_of, write_weights
from .whole_file import PUBLIC, whole_file

# What these wrappers put in front of the names of the module that they wrap.
_WRAPPERS: dict[str, str] = {
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "OptimizedModule": "_orig_mod",
}
# What a file's head says beside its entries: their order in the model, and their checksum.
_ORDER, _SUM = "names", "values-sha256"

Form: TypeAlias = dict[str, tuple[tuple[int, ...], torch.dtype]]


class ExchangeError(ValueError):
    """Weights that do not fit, or a model or a file that cannot be read as weights."""


def arrays_from(model: nn.Module) -> ArrayRecord:
    """Return every entry of ``model.state_dict()`` by name; floats, integers and flags alike.

    Raises ExchangeError for state that is not a dense tensor.
    """
    return ArrayRecord(
        {name: array_of(_to_numpy(name, tensor)) for name, tensor in _state(model).items()}
    )


def only(arrays: ArrayRecord, names: Collection[str]) -> ArrayRecord:
    """Return the entries of ``arrays`` with these names, in their order."""
    return ArrayRecord({name: array for name, array in arrays.items() if name in names})


def plain_names(model: nn.Module) -> dict[str, str]:
    """Map each name in ``model.state_dict()`` to the name that the entry travels by."""
    return dict(zip(model.state_dict(), _state(model), strict=True))


def form_of(model: nn.Module) -> Form:
    """Return the shape and the type of every entry of the model's state, by name."""
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in _state(model).items()}


def load_into(model: nn.Module, arrays: ArrayRecord) -> None:
    """Copy ``arrays`` into ``model`` in place: its types and devices stay as they are.

    Raises ExchangeError, before anything is changed, where names or shapes differ.
    """
    state = _state(model)
    reason = _names_differ(arrays, state) or _shapes_differ(
        arrays, {name: tuple(tensor.shape) for name, tensor in state.items()}
    )
    if reason:
        raise ExchangeError(f"the weights do not fit the model: {reason}")
    with torch.no_grad():
        for name, tensor in state.items():
            value = value_of(arrays[name])
            # torch warns of memory that cannot be written to, though it only reads here.
            tensor.copy_(torch.from_numpy(value if value.flags.writeable else value.copy()))


def restore_dtypes(arrays: ArrayRecord, like: ArrayRecord) -> ArrayRecord:
    """Return ``arrays`` with the types and the order of ``like``; integers are rounded.

    An average of integers (BatchNorm's count of batches) is a float until it comes here.
    Raises ExchangeError where names differ.
    """
    if reason := _names_differ(arrays, like):
        raise ExchangeError(f"the weights do not fit: they come {reason}")
    return ArrayRecord(
        {name: _with_type(arrays[name], wanted.dtype) for name, wanted in like.items()}
    )


def check_like(arrays: ArrayRecord, like: ArrayRecord) -> str | None:
    """Say why ``arrays`` cannot stand in for ``like``: names, shapes, types, bytes; or None."""
    reason = _names_differ(arrays, like) or _shapes_differ(
        arrays, {name: tuple(wanted.shape) for name, wanted in like.items()}
    )
    if reason:
        return reason
    for name, wanted in like.items():
        array = arrays[name]
        if array.dtype != wanted.dtype:
            return f"{name!r} is of type {array.dtype}, not {wanted.dtype}"
        # A record states shape and type beside the bytes: a hostile or broken sender may lie.
        try:
            value = value_of(array)
        except (OSError, TypeError, ValueError, EOFError):
            return f"the bytes of {name!r} are no array"
        if value.shape != tuple(array.shape) or str(value.dtype) != array.dtype:
            return f"{name!r} holds {value.dtype} {value.shape}, not what it says it does"
    return None


def not_finite(arrays: ArrayRecord) -> str | None:
    """Return the name of the first entry that holds a NaN or an infinity, or None."""
    for name, array in arrays.items():
        value = value_of(array)
        if value.dtype.kind in "fc" and not np.isfinite(value).all():
            return name
    return None


def save(path: Path, arrays: ArrayRecord) -> None:
    """Write ``arrays`` as safetensors; a reader sees the old file or the new, never a part."""
    values = {name: value_of(array) for name, array in arrays.items()}
    # The format orders entries by type, and notices a file that was cut off, but no changed byte.
    head = {_ORDER: json.dumps(list(arrays)), _SUM: sha256_of(values)}
    with whole_file(path, PUBLIC) as file:
        write_weights(file, values, head)


def load(path: Path) -> ArrayRecord:
    """Read what ``save`` wrote, in the model's order; without its checksum it is taken as it is.

    Raises ExchangeError for a damaged file, FileNotFoundError for a missing one.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            names = _order(file.metadata()) or sorted(file.keys())
            arrays = ArrayRecord({name: array_of(file.get_tensor(name)) for name in names})
    except (safetensors.SafetensorError, ValueError) as error:
        raise _not_whole(path, error) from error
    verify(path, {name: value_of(array) for name, array in arrays.items()})
    return arrays


def verify(path: Path, values: Mapping[str, npt.NDArray[Any]]) -> None:
    """Raise ExchangeError where ``values`` are not those for which ``path`` has a checksum."""
    metadata = _metadata(path)
    order = _order(metadata) or list(values)
    if _SUM in metadata and (
        set(order) != set(values)
        or sha256_of({name: values[name] for name in order}) != metadata[_SUM]
    ):
        raise ExchangeError(f"{path}: damaged, its values are not those that were written")


def has_checksum(path: Path) -> bool:
    """Say whether damage to the values in the file shows; raises ExchangeError as ``load``."""
    return _SUM in _metadata(path)


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except safetensors.SafetensorError as error:
        raise _not_whole(path, error) from error


def _order(metadata: Mapping[str, str] | None) -> list[str]:
    order: list[str] = json.loads((metadata or {}).get(_ORDER, "[]"))
    return order


def _not_whole(path: Path, error: Exception) -> ExchangeError:
    return ExchangeError(f"{path}: not a whole safetensors file ({error})")


def _state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the model's state by the names that it has without wrappers."""
    prefixes = [
        f"{path}.{_WRAPPERS[type(module).__name__]}.".lstrip(".")
        for path, module in model.named_modules()
        if type(module).__name__ in _WRAPPERS
    ]
    state: dict[str, torch.Tensor] = {}
    for name, value in model.state_dict().items():
        plain = name
        # Inner wrappers first: outer ones are part of the inner ones' prefixes.
        for prefix in sorted(prefixes, key=len, reverse=True):
            if plain.startswith(prefix):
                outer = prefix[: -len(prefix.split(".")[-2]) - 1]
                plain = outer + plain[len(prefix) :]
        state[plain] = value
    return state


def _to_numpy(name: str, value: object) -> npt.NDArray[np.generic]:
    if not isinstance(value, torch.Tensor):
        raise ExchangeError(f"the model's state {name!r} is a {type(value).__name__}, no tensor")
    if is_lazy(value):
        raise ExchangeError(
            f"{name!r} has no shape yet (a lazy module): run one batch through the model, or "
            "give the layer its input size"
        )
    if value.layout != torch.strided or value.is_quantized or value.is_meta:
        raise ExchangeError(f"{name!r} is not a dense tensor with values: it cannot travel")
    dense = value.detach().cpu()
    if dense.dtype == torch.bfloat16:
        dense = dense.to(torch.float32)
    plain: npt.NDArray[np.generic] = dense.numpy()
    return plain


def _with_type(array: Array, wanted: str) -> Array:
    if array.dtype == wanted:
        return array
    value, dtype = value_of(array), np.dtype(wanted)
    if dtype.kind in "iub" and value.dtype.kind == "f":
        value = np.rint(value)
    return array_of(np.asarray(value).astype(dtype, copy=False))


def _names_differ(arrays: Mapping[str, object], wanted: Mapping[str, object]) -> str | None:
    missing = [name for name in wanted if name not in arrays]
    extra = [name for name in arrays if name not in wanted]
    parts = [f"without {_listed(missing)}"] * bool(missing) + [
        f"with unknown {_listed(extra)}"
    ] * bool(extra)
    return " and ".join(parts) or None


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:3])
    return shown + f" and {len(names) - 3} more" * (len(names) > 3)


def _shapes_differ(arrays: ArrayRecord, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    for name, shape in shapes.items():
        if tuple(arrays[name].shape) != shape:
            return f"{name!r} has shape {tuple(arrays[name].shape)}, not {shape}"
    return None
