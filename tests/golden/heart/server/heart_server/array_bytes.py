"""Flower's arrays and the bytes in them, in no more memory than they take.

An ``Array`` holds bytes in numpy's own file format. Flower's methods copy them once or twice on
the way to a numpy array and back, which a model of some hundred megabytes makes felt.

Where a run asks for it, an array of float32 travels in half precision: it is still one of float32
to all who read it here, but its bytes are an exponent e, in two bytes, and float16 numbers h, whose
values are h * 2^e. float16 keeps 11 binary digits of a number where bfloat16 keeps 8, but ends at
65,504; with e chosen so that the largest h is below 2^15 no number of an array overflows, and the
small ones of an array of gradients do not vanish.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from flwr.app import Array, ArrayRecord

NUMPY = "numpy.ndarray"
HALF = "half"

_LENGTH_END = 10
_EXPONENT_BYTES = 2
_LARGEST_EXPONENT = 15


def value_of(array: Array) -> npt.NDArray[Any]:
    """Return what ``array`` holds, as a view on its bytes where that is possible.

    The view may be one that cannot be written to. Raises TypeError or ValueError for bytes that
    are no array.
    """
    if array.stype == HALF:
        return _value_of_half(array)
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


def in_half(arrays: ArrayRecord) -> ArrayRecord:
    """Return ``arrays`` with those of float32 in half precision, and all others as they are.

    A number is off by at most 2^-11 of itself, or by 2^-39 of the largest of its array. NaN
    and infinities stay what they are.
    """
    made = {name: _half_of(array) for name, array in arrays.items()}
    return ArrayRecord(made, keep_input=False)


def holds_half(arrays: ArrayRecord) -> bool:
    """Say whether any of ``arrays`` is in half precision."""
    return any(array.stype == HALF for array in arrays.values())


def outline(arrays: ArrayRecord) -> ArrayRecord:
    """Return the types and shapes of ``arrays`` without their bytes, for comparisons."""
    return ArrayRecord(
        {name: Array(one.dtype, one.shape, one.stype, b"") for name, one in arrays.items()}
    )


def _half_of(array: Array) -> Array:
    if array.dtype != "float32" or array.stype == HALF:
        return array
    value = value_of(array)
    largest = max(value.max(), -value.min()) if value.size else 0.0
    exponent = int(np.frexp(largest)[1]) - _LARGEST_EXPONENT if np.isfinite(largest) else 0
    # Beside a NaN or an infinity, which nobody averages, the others may as well overflow.
    with np.errstate(over="ignore"):
        numbers = np.ldexp(value, -exponent).astype("<f2").tobytes()
    head = exponent.to_bytes(_EXPONENT_BYTES, "big", signed=True)
    return Array(array.dtype, array.shape, HALF, head + numbers)


def _value_of_half(array: Array) -> npt.NDArray[Any]:
    head, numbers = array.data[:_EXPONENT_BYTES], memoryview(array.data)[_EXPONENT_BYTES:]
    exponent = int.from_bytes(head, "big", signed=True)
    halves = np.frombuffer(numbers, "<f2").reshape(array.shape)
    # What another sender wrote may overflow: it is looked for where weights come in.
    with np.errstate(over="ignore"):
        return np.ldexp(halves.astype(np.float32), exponent)
