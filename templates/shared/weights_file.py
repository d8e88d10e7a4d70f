"""Write arrays as a safetensors file, one after the other, so that no copy of all is made.

The format: the length of the head in 8 bytes, the head (JSON: type, shape and place of each array,
and text by names), the arrays' bytes. https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

_LETTERS = {"f": "F", "i": "I", "u": "U"}
_ALIGNED = 8


def write_weights(
    file: BinaryIO, values: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]
) -> None:
    """Write ``values`` by name, and ``metadata`` in the head.

    Raises ValueError for a type that the format does not know.
    """
    # Wider types first, so that each array starts at a multiple of its own width.
    names = sorted(values, key=lambda name: (-values[name].dtype.itemsize, name))
    head: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name in names:
        value = values[name]
        start, end = end, end + value.nbytes
        places = [start, end]
        head[name] = {"dtype": _type(value), "shape": list(value.shape), "data_offsets": places}
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for name in names:
        file.write(_bytes(values[name]))


def sha256_of(values: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return the SHA-256 over ``values`` in their order: names, types, shapes and bytes.

    Raises ValueError for a type that the format does not know.
    """
    found = hashlib.sha256()
    for name, value in values.items():
        found.update(json.dumps([name, _type(value), list(value.shape)]).encode())
        found.update(_bytes(value))
    return found.hexdigest()


def _bytes(value: npt.NDArray[Any]) -> memoryview:
    """Return the array's bytes as the format has them, where possible without a copy."""
    plain = np.asarray(value, value.dtype.newbyteorder("<"), order="C")
    return plain.reshape(-1).view(np.uint8).data


def _type(value: npt.NDArray[Any]) -> str:
    kind, bits = value.dtype.kind, 8 * value.dtype.itemsize
    if kind == "b":
        return "BOOL"
    if kind == "c" and bits == 64:
        return "C64"
    if kind not in _LETTERS or bits > 64:
        raise ValueError(f"arrays of {value.dtype} cannot be written")
    return f"{_LETTERS[kind]}{bits}"
