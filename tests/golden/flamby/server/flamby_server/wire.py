"""All arrays of a model in one: Flower makes requests of its own for each array that travels.

A packed record holds a single Array, whose bytes are an index (its length in 8 bytes, then JSON:
name, type, shape, serialization, length of each array) and the arrays' own bytes one after the
other. Nothing is decoded on the way.
"""

from __future__ import annotations

import json
from itertools import accumulate

from flwr.app import Array, ArrayRecord

_PACKED = "packed"
_LENGTH_BYTES = 8


class WireError(ValueError):
    """Bytes that are no packed arrays."""


def is_packed(arrays: ArrayRecord) -> bool:
    """Say whether ``arrays`` came out of ``pack``."""
    return list(arrays) == [_PACKED] and arrays[_PACKED].stype == _PACKED


def pack(arrays: ArrayRecord) -> ArrayRecord:
    """Return a record of one Array that holds all of ``arrays``, in their order."""
    index = json.dumps(
        [
            [name, array.dtype, list(array.shape), array.stype, len(array.data)]
            for name, array in arrays.items()
        ]
    ).encode()
    length = len(index).to_bytes(_LENGTH_BYTES, "big")
    data = b"".join((length, index, *(array.data for array in arrays.values())))
    return ArrayRecord({_PACKED: Array("uint8", (len(data),), _PACKED, data)})


def unpack(arrays: ArrayRecord) -> ArrayRecord:
    """Return what was packed; a record that is not packed as it is. Raises WireError."""
    if not is_packed(arrays):
        return arrays
    data = memoryview(arrays[_PACKED].data)
    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "big")
    try:
        index = [
            (str(name), str(dtype), tuple(map(int, shape)), str(stype), int(size))
            for name, dtype, shape, stype, size in json.loads(bytes(data[_LENGTH_BYTES:start]))
        ]
    except (ValueError, TypeError) as error:
        raise WireError("the packed arrays have no index") from error
    ends = list(accumulate((size for *_, size in index), initial=start))
    if any(size < 0 for *_, size in index) or ends[-1] != len(data):
        raise WireError("the packed arrays are not as long as their index says")
    return ArrayRecord(
        {
            name: Array(dtype, shape, stype, bytes(data[end - size : end]))
            for (name, dtype, shape, stype, size), end in zip(index, ends[1:], strict=True)
        }
    )
