"""Messages taken apart and put together, against Flower's own way to do it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_object_tree
from flwr.supercore.inflatable.inflatable_utils import ObjectPullError, ObjectUnavailableError
from flwr.supercore.task_identity import TaskIdentity

from tests.runtime.modules import template_module

parts = template_module("shared/parts.py")
wire = template_module("shared/wire.py")

CHUNK = 5 * 1024 * 1024


def message(*records: ArrayRecord) -> Message:
    TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1
    named: dict[str, Any] = {f"arrays{number}": record for number, record in enumerate(records)}
    made = Message(RecordDict({**named, "config": ConfigRecord({"round": 3})}), 2, "train")
    made.metadata.__dict__["_message_id"] = made.object_id
    return made


def taken_apart(sent: Message) -> dict[str, bytes]:
    store: dict[str, bytes] = {}
    ids = [tree.object_id for tree in nodes(get_object_tree(sent))]
    parts.push_parts([sent], store.__setitem__, ids)
    assert set(store) == set(ids)
    return store


def nodes(tree: Any) -> list[Any]:
    return [tree, *(below for child in tree.children for below in nodes(child))]


ARRAYS = {
    # Two chunks that are the same, one with another beginning, and what does not fill one.
    "zeros": np.zeros(4 * CHUNK // 4, np.float32),
    "random": np.random.default_rng(1).random(CHUNK // 8 + 7),
    "scalar": np.array(3),
}


@pytest.mark.parametrize("pack", [True, False])
def test_what_was_pushed_is_pulled(pack: bool) -> None:
    record = ArrayRecord({name: Array(value) for name, value in ARRAYS.items()})
    sent = message(wire.pack(record) if pack else record, ArrayRecord())
    store, confirmed = taken_apart(sent), []
    came = parts.pull_message(get_object_tree(sent), store.__getitem__, confirmed.append)
    assert confirmed == [sent.object_id]
    assert came.content["config"] == ConfigRecord({"round": 3})
    assert list(came.content["arrays0"]) == list(ARRAYS)
    for name, value in ARRAYS.items():
        np.testing.assert_array_equal(came.content["arrays0"][name].numpy(), value)
    assert list(came.content["arrays1"]) == []


def test_only_what_is_wanted_is_pushed() -> None:
    sent, store = message(ArrayRecord({"w": Array(np.ones(3))})), {}
    parts.push_parts([sent], store.__setitem__, [sent.object_id])
    assert list(store) == [sent.object_id]


def test_parts_that_are_not_there_yet_are_waited_for_and_then_given_up() -> None:
    sent = message(wire.pack(ArrayRecord({"w": Array(np.ones(3))})))
    store, asked = taken_apart(sent), set()

    def late(key: str) -> bytes:
        if key not in asked:
            asked.add(key)
            raise ObjectUnavailableError(key)
        return store[key]

    def never(key: str) -> bytes:
        raise ObjectUnavailableError(key)

    tree, patience = get_object_tree(sent), {"max_tries_per_object": 3, "initial_backoff": 0.001}
    came = parts.pull_message(tree, late, lambda _: None, **patience)
    assert came.content["arrays0"]["w"].numpy().sum() == 3
    with pytest.raises(ObjectPullError):
        parts.pull_message(tree, never, lambda _: None, **patience)


@pytest.mark.parametrize(
    "record",
    [
        ArrayRecord({"packed": Array("uint8", (9,), "packed", b"\0" * 7 + b"\x01{")}),
        ArrayRecord({"packed": Array("uint8", (9,), "packed", b"\xff" * 9)}),
        ArrayRecord({"w": Array("uint8", (9,), "numpy.ndarray", b"\0" * 9)}),
    ],
)
def test_arrays_that_are_not_what_they_say_are_no_message(record: ArrayRecord) -> None:
    sent = message(record)
    with pytest.raises(parts.BrokenMessage):
        parts.pull_message(get_object_tree(sent), taken_apart(sent).__getitem__, lambda _: None)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_a_packed_record_is_unpacked_from_pieces_of_any_size(size: int) -> None:
    record = ArrayRecord({"a": Array(np.arange(5)), "none": Array(np.zeros(0))})
    data = wire.pack(record)["packed"].data
    unpacking = wire.Unpacking()
    for start in range(0, len(data), size):
        unpacking.feed(data[start : start + size])
    assert unpacking.arrays() == record
