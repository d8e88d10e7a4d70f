from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from flwr.app import Array, ArrayRecord
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from torch import nn

from tests.runtime.modules import template_module

exchange = template_module("shared/exchange.py")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.register_buffer("mask", torch.tensor([True, False]))
        self.scale = nn.Parameter(torch.tensor(2.0))


def test_round_trip_keeps_every_entry_bit_for_bit() -> None:
    source, target = Net(), Net()
    source.body(torch.randn(5, 3))
    exchange.load_into(target, exchange.arrays_from(source))
    want, got = source.state_dict(), target.state_dict()
    assert list(want) == list(got)
    for name in want:
        assert torch.equal(want[name], got[name]), name
        assert want[name].dtype == got[name].dtype


def test_arrays_do_not_change_when_the_model_trains_on() -> None:
    model = nn.Linear(2, 2)
    arrays = exchange.arrays_from(model)
    before = arrays["weight"].numpy().copy()
    with torch.no_grad():
        model.weight.add_(1)
    assert np.array_equal(arrays["weight"].numpy(), before)


def test_bfloat16_and_half_survive() -> None:
    for dtype, wire in ((torch.bfloat16, "float32"), (torch.float16, "float16")):
        source, target = nn.Linear(3, 2).to(dtype), nn.Linear(3, 2).to(dtype)
        arrays = exchange.arrays_from(source)
        assert arrays["weight"].dtype == wire
        exchange.load_into(target, arrays)
        assert target.weight.dtype == dtype
        assert torch.equal(source.weight, target.weight)


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(nn.DataParallel, id="data parallel"),
        pytest.param(torch.compile, id="compiled"),
        pytest.param(lambda model: nn.DataParallel(torch.compile(model)), id="both"),
        pytest.param(lambda model: torch.compile(nn.DataParallel(model)), id="both, inside out"),
    ],
)
def test_names_are_those_without_wrappers(wrap) -> None:
    plain = Net()
    assert list(exchange.arrays_from(wrap(plain))) == list(plain.state_dict())
    fresh = Net()
    exchange.load_into(wrap(fresh), exchange.arrays_from(plain))
    assert torch.equal(fresh.body[0].weight, plain.body[0].weight)


def test_wrappers_inside_a_dictionary_of_modules() -> None:
    modules = nn.ModuleDict({"encoder": nn.DataParallel(nn.Linear(2, 2)), "head": nn.Linear(2, 1)})
    assert list(exchange.arrays_from(modules)) == [
        "encoder.weight",
        "encoder.bias",
        "head.weight",
        "head.bias",
    ]


def test_a_module_that_is_called_module_keeps_its_name() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(1, 1)

    assert list(exchange.arrays_from(Named())) == ["module.weight", "module.bias"]


def test_load_into_refuses_other_names_and_shapes_and_changes_nothing() -> None:
    model = nn.Linear(2, 2)
    before = model.weight.detach().clone()
    with pytest.raises(exchange.ExchangeError, match="without 'bias'"):
        exchange.load_into(model, ArrayRecord({"weight": Array(np.ones((2, 2), np.float32))}))
    wrong = ArrayRecord(
        {
            "weight": Array(np.ones((2, 2), np.float32)),
            "bias": Array(np.ones((3,), np.float32)),
        }
    )
    with pytest.raises(exchange.ExchangeError, match=r"'bias' has shape \(3,\), not \(2,\)"):
        exchange.load_into(model, wrong)
    assert torch.equal(model.weight, before)


def test_lazy_modules_are_refused_with_what_to_do() -> None:
    with pytest.raises(exchange.ExchangeError, match="run one batch"):
        exchange.arrays_from(nn.LazyLinear(3))


def test_restore_dtypes_rounds_integers_and_keeps_order() -> None:
    like = ArrayRecord(
        {
            "b": Array(np.zeros(2, np.float32)),
            "count": Array(np.array(0, np.int64)),
            "mask": Array(np.array([True, False])),
        }
    )
    averaged = ArrayRecord(
        {
            "mask": Array(np.array([0.75, 0.25])),
            "count": Array(np.array(6.6)),
            "b": Array(np.array([0.5, 1.5])),
        }
    )
    restored = exchange.restore_dtypes(averaged, like)
    assert list(restored) == ["b", "count", "mask"]
    assert restored["count"].numpy() == 7 and restored["count"].dtype == "int64"
    assert restored["count"].numpy().shape == ()
    assert restored["mask"].numpy().tolist() == [True, False]
    assert restored["b"].dtype == "float32"


def test_check_like_names_what_is_wrong() -> None:
    like = exchange.arrays_from(nn.Linear(2, 2))

    def but(**changes: Array) -> ArrayRecord:
        return ArrayRecord({**dict(like), **changes})

    assert exchange.check_like(but(), like) is None
    assert "unknown 'x'" in exchange.check_like(but(x=Array(np.ones(1))), like)
    assert "shape (2,), not (2, 2)" in exchange.check_like(
        but(weight=Array(np.ones(2, np.float32))), like
    )
    assert "float64, not float32" in exchange.check_like(but(weight=Array(np.ones((2, 2)))), like)


def test_check_like_does_not_believe_what_a_record_says_of_itself() -> None:
    like = exchange.arrays_from(nn.Linear(2, 2))
    honest = like["weight"]
    lies = Array("float32", (2, 2), honest.stype, Array(np.ones(9, np.float32)).data)
    noise = Array("float32", (2, 2), honest.stype, b"not an array")
    pickled = Array("float32", (2, 2), "pickle", honest.data)
    for bad in (lies, noise, pickled):
        assert exchange.check_like(ArrayRecord({**dict(like), "weight": bad}), like) is not None


def test_not_finite_names_the_entry() -> None:
    arrays = exchange.arrays_from(nn.Linear(2, 2))
    assert exchange.not_finite(arrays) is None
    arrays["bias"] = Array(np.array([1.0, np.inf], np.float32))
    assert exchange.not_finite(arrays) == "bias"


def test_save_and_load_keep_order_types_and_scalars(tmp_path: Path) -> None:
    arrays = exchange.arrays_from(Net())
    exchange.save(tmp_path / "m.safetensors", arrays)
    loaded = exchange.load(tmp_path / "m.safetensors")
    assert list(loaded) == list(arrays)
    assert exchange.check_like(loaded, arrays) is None
    for name in arrays:
        assert np.array_equal(loaded[name].numpy(), arrays[name].numpy())
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_transposed_weight_is_saved_as_it_is_seen(tmp_path: Path) -> None:
    value = np.arange(6, dtype=np.float32).reshape(2, 3).T
    exchange.save(tmp_path / "m.safetensors", ArrayRecord({"w": Array(value)}))
    assert np.array_equal(exchange.load(tmp_path / "m.safetensors")["w"].numpy(), value)


def test_a_failed_save_leaves_the_old_file_whole(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "m.safetensors"
    arrays = exchange.arrays_from(nn.Linear(2, 2))
    exchange.save(path, arrays)
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        exchange.save(path, exchange.arrays_from(nn.Linear(2, 2)))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_cut_off_file_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    exchange.save(path, exchange.arrays_from(nn.Linear(2, 2)))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(exchange.ExchangeError, match=r"m\.safetensors: not a whole"):
        exchange.load(path)


def test_no_flipped_bit_changes_what_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    arrays = ArrayRecord(
        {
            "weight": Array(np.arange(4, dtype=np.float32)),
            "count": Array(np.array(3)),
            "flags": Array(np.array([True, False])),
        }
    )
    exchange.save(path, arrays)
    whole = path.read_bytes()
    loaded = []
    for place, bit in itertools.product(range(len(whole)), range(8)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        try:
            found = exchange.load(path)
        except exchange.ExchangeError as error:
            assert str(error).startswith(f"{path}: ")
            continue
        assert not exchange.has_checksum(path)
        assert list(found) == list(arrays)
        assert all(found[name].data == arrays[name].data for name in arrays)
        loaded.append(place)
    # Only one in the checksum's own name makes it a file without one.
    name = whole.index(b"values-sha256")
    assert set(loaded) == set(range(name, name + len(b"values-sha256")))


def test_a_file_without_a_checksum_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"weight": np.ones(2, np.float32)}, path)
    assert exchange.load(path)["weight"].numpy().tolist() == [1, 1]
    assert not exchange.has_checksum(path)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["float32", "float64", "float16", "int64", "uint8", "bool"]),
            st.lists(st.integers(0, 3), max_size=3),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_dense_state_survives_the_disk(tmp_path_factory, entries) -> None:
    path = tmp_path_factory.mktemp("any") / "m.safetensors"
    arrays = ArrayRecord(
        {
            f"entry{9 - index}": Array(np.asarray(np.ones(shape), dtype=dtype))
            for index, (dtype, shape) in enumerate(entries)
        }
    )
    exchange.save(path, arrays)
    loaded = exchange.load(path)
    assert list(loaded) == list(arrays)
    assert exchange.check_like(loaded, arrays) is None
