"""Flower's arrays and the bytes in them, in no more memory than they take.

An ``Array`` holds bytes in numpy's own file format. Flower's methods copy them once or twice on
the way to a numpy array and back, which a model of some hundred megabytes makes felt.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from flwr.app import Array, ArrayRecord

NUMPY = "numpy.ndarray"

_LENGTH_END = 10


def value_of(array: Array) -> npt.NDArray[Any]:
    """Return what ``array`` holds, as a view on its bytes where that is possible.

    The view may be one that cannot be written to. Raises TypeError or ValueError for bytes that
    are no array.
    """
    data = memoryview(array.data)
    if array.stype != NUMPY:
        raise TypeError(f"an array serialized as {array.stype!r} cannot be read")
    end = _LENGTH_END + int.from_bytes(data[_LENGTH_END - 2 : _LENGTH_END], "little")
    head = io.BytesIO(data[:end])
    if np.lib.format.read_magic(head) != (1, 0):
        # Names of fields and the like, which no tensor has.
        return array.numpy()
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(head)
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError("an array of objects is not read")
    count = math.prod(shape)
    if not count:
        return np.empty(shape, dtype)
    value: npt.NDArray[Any] = np.frombuffer(data, dtype, count, offset=head.tell())
    return value.reshape(shape[::-1]).T if in_columns else value.reshape(shape)


def array_of(value: npt.NDArray[Any]) -> Array:
    """Return an Array with a copy of ``value``."""
    plain = np.asarray(value, order="C")
    head = io.BytesIO()
    described = np.lib.format.header_data_from_array_1_0(plain)
    np.lib.format.write_array_header_1_0(head, described)
    data = b"".join((head.getvalue(), plain.reshape(-1).view(np.uint8).data))
    return Array(str(plain.dtype), tuple(plain.shape), NUMPY, data)


def outline(arrays: ArrayRecord) -> ArrayRecord:
    """Return the types and shapes of ``arrays`` without their bytes, for comparisons."""
    return ArrayRecord(
        {name: Array(one.dtype, one.shape, one.stype, b"") for name, one in arrays.items()}
    )
