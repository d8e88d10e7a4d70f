from __future__ import annotations

import io

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord

from tests.runtime.modules import template_module

array_bytes = template_module("shared/array_bytes.py")

VALUES = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.arange(6, dtype=">i4").reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(12.0).reshape(3, 4)[::2, ::-1],
    np.array(7),
    np.array([True, False]),
    np.zeros((0, 4), np.float16),
    np.array([1 + 2j]),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{value.dtype}{value.shape}")
def test_arrays_are_flowers_own_and_back(value: np.ndarray) -> None:
    for array in (array_bytes.array_of(value), Array(np.array(value))):
        assert (array.dtype, array.shape) == (str(value.dtype), value.shape)
        np.testing.assert_array_equal(array.numpy(), value)
        read = array_bytes.value_of(array)
        assert read.dtype == value.dtype
        np.testing.assert_array_equal(read, value)


def test_reading_does_not_copy_and_making_does() -> None:
    value = np.arange(4.0)
    array = array_bytes.array_of(value)
    value[0] = 9.0
    read = array_bytes.value_of(array)
    assert read[0] == 0.0
    assert not read.flags.owndata and not read.flags.writeable


def saved(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(value), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("stype", "data"),
    [
        ("numpy.ndarray", b""),
        ("numpy.ndarray", b"\x93NUMPY\x01\x00\xff\xff{"),
        ("numpy.ndarray", saved(np.ones(3))[:-1]),
        ("numpy.ndarray", saved([{"a": 1}])),
        ("numpy.ndarray", saved(np.ones(3)).replace(b"(3,)", b"(-3,)")),
        ("pickle", saved(np.ones(3))),
    ],
)
def test_bytes_that_are_no_array_are_refused(stype: str, data: bytes) -> None:
    with pytest.raises((TypeError, ValueError)):
        array_bytes.value_of(Array("float64", (3,), stype, data))


def test_an_outline_is_like_the_arrays_without_their_bytes() -> None:
    arrays = ArrayRecord({"w": Array(np.ones((2, 3), np.float32))})
    outline = array_bytes.outline(arrays)
    assert (outline["w"].dtype, outline["w"].shape) == ("float32", (2, 3))
    assert outline["w"].data == b""
    assert arrays["w"].numpy().sum() == 6
