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


def halved(value: np.ndarray) -> Array:
    made = array_bytes.in_half(ArrayRecord({"w": array_bytes.array_of(value)}))
    assert array_bytes.holds_half(made) == (made["w"].stype == "half")
    return made["w"]


@pytest.mark.parametrize("size", [1e-45, 1e-30, 1e-6, 1.0, 65504.0, 1e9, 3e38])
def test_half_precision_rounds_and_never_overflows(size: float) -> None:
    drawn = np.random.default_rng(1).normal(0, 1, (40, 30)).clip(-3, 3) / 3
    value = (size * drawn * 10.0 ** np.arange(0, -30, -1)).astype(np.float32)
    array = halved(value)
    assert (array.dtype, array.shape, len(array.data)) == ("float32", (40, 30), 2 + 2 * 1200)
    read = array_bytes.value_of(array)
    assert read.dtype == np.float32
    wide = value.astype(np.float64)
    bound = np.maximum(np.abs(wide) * 2.0**-11, np.abs(wide).max() * 2.0**-39)
    assert (np.abs(read.astype(np.float64) - wide) <= bound).all()
    # What was rounded once is not rounded again.
    np.testing.assert_array_equal(array_bytes.value_of(halved(read)), read)


@pytest.mark.parametrize("value", [np.zeros(3), np.zeros((0, 4)), np.array(-2.5)], ids=str)
def test_half_precision_of_little(value: np.ndarray) -> None:
    array = halved(value.astype(np.float32))
    np.testing.assert_array_equal(array_bytes.value_of(array), value)
    assert array_bytes.in_half(ArrayRecord({"w": array}))["w"] == array


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_half_precision_does_not_hide_what_is_not_finite(odd: float) -> None:
    read = array_bytes.value_of(halved(np.array([3e38, odd, 1.0], np.float32)))
    np.testing.assert_array_equal(read[1], np.float32(odd))


@pytest.mark.parametrize("value", VALUES[1:], ids=lambda value: f"{value.dtype}{value.shape}")
def test_half_precision_is_for_float32_alone(value: np.ndarray) -> None:
    assert halved(value).stype == "numpy.ndarray"
    np.testing.assert_array_equal(array_bytes.value_of(halved(value)), value)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0", b"\0\0abc", b"\0\0" + bytes(8)])
def test_bytes_that_are_no_half_precision_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        array_bytes.value_of(Array("float32", (3,), "half", data))
    assert np.isinf(array_bytes.value_of(Array("float32", (1,), "half", b"\x7f\xff\0\x3c")))


def test_an_outline_is_like_the_arrays_without_their_bytes() -> None:
    arrays = ArrayRecord({"w": Array(np.ones((2, 3), np.float32))})
    outline = array_bytes.outline(arrays)
    assert (outline["w"].dtype, outline["w"].shape) == ("float32", (2, 3))
    assert outline["w"].data == b""
    assert arrays["w"].numpy().sum() == 6
