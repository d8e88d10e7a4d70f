from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from tests.runtime.modules import template_module

weights_file = template_module("shared/weights_file.py")

VALUES = {
    "flags": np.array([True, False, True]),
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "turned": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "foreign": np.arange(3, dtype=">i8"),
    "half": np.ones(3, np.float16),
    "bytes": np.arange(5, dtype=np.uint8),
    "scalar": np.array(7),
    "none": np.zeros((0, 4), np.float32),
}


def test_the_format_is_the_librarys(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with path.open("wb") as file:
        weights_file.write_weights(file, VALUES, {"names": "später"})
    read = safetensors.numpy.load(path.read_bytes())
    assert read.keys() == VALUES.keys()
    for name, value in VALUES.items():
        assert read[name].dtype == value.dtype.newbyteorder("=")
        np.testing.assert_array_equal(read[name], value)
    with safetensors.safe_open(path, framework="numpy") as opened:
        assert opened.metadata() == {"names": "später"}


def test_the_checksum_is_over_names_types_shapes_and_bytes_in_order() -> None:
    one = np.arange(6, dtype=np.float32)
    values = {"a": one, "b": np.zeros(2)}
    others: list[dict[str, np.ndarray]] = [
        {"b": values["b"], "a": one},
        {"c": one, "b": values["b"]},
        {"a": one.view(np.int32), "b": values["b"]},
        {"a": one.reshape(2, 3), "b": values["b"]},
        {"a": one + np.float32(1e-6), "b": values["b"]},
        {"a": one},
    ]
    sums = {weights_file.sha256_of(each) for each in (values, *others)}
    assert len(sums) == 1 + len(others)
    # How an array lies in memory is not told by the file either.
    turned = np.asfortranarray(one.reshape(2, 3)).astype(">f4")
    assert weights_file.sha256_of({**values, "a": turned}) == weights_file.sha256_of(others[3])


def test_the_checksum_copies_nothing() -> None:
    value = {"weight": np.ones(1_000_000, np.float32)}
    tracemalloc.start()
    try:
        weights_file.sha256_of(value)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", ["complex128", "datetime64[s]", "S3"])
def test_a_type_that_the_format_lacks_is_an_error(tmp_path: Path, dtype: str) -> None:
    with (tmp_path / "w").open("wb") as file, pytest.raises(ValueError, match="cannot be written"):
        weights_file.write_weights(file, {"x": np.zeros(1, dtype)}, {})
