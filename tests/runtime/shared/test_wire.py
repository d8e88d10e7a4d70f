from __future__ import annotations

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects

from tests.runtime.modules import template_module

wire = template_module("shared/wire.py")

ARRAYS = {
    "layer.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "count": np.array(7),
    "half": np.ones(3, np.float16),
    "flags": np.array([True, False]),
    "none": np.zeros((0, 4)),
    "später": np.array([1 + 2j]),
}


def record() -> ArrayRecord:
    return ArrayRecord({name: Array(value) for name, value in ARRAYS.items()})


def test_what_was_packed_comes_out_to_the_byte_and_in_order() -> None:
    unpacked = wire.unpack(wire.pack(record()))
    assert list(unpacked) == list(ARRAYS)
    for name, array in record().items():
        assert unpacked[name] == array
        np.testing.assert_array_equal(unpacked[name].numpy(), ARRAYS[name])


def test_no_arrays_at_all() -> None:
    assert list(wire.unpack(wire.pack(ArrayRecord()))) == []


def test_a_record_that_is_not_packed_stays_as_it_is() -> None:
    plain = record()
    assert wire.unpack(plain) is plain
    assert not wire.is_packed(plain)
    assert wire.is_packed(wire.pack(plain))


def test_the_number_of_objects_does_not_grow_with_the_model() -> None:
    many = ArrayRecord({f"w{number}": Array(np.full(3, number)) for number in range(50)})
    assert len(get_all_nested_objects(many)) == 101
    assert len(get_all_nested_objects(wire.pack(many))) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:4],
        lambda data: b"",
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: data[:8] + b"{" + data[9:],
        lambda data: data.replace(b'"numpy.ndarray", ', b'"numpy.ndarray",-', 1),
    ],
)
def test_damaged_bytes_are_an_error(damage: object) -> None:
    data = damage(wire.pack(record())["packed"].data)  # type: ignore[operator]
    with pytest.raises(wire.WireError):
        wire.unpack(ArrayRecord({"packed": Array("uint8", (len(data),), "packed", data)}))
