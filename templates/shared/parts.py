"""A message in parts: pulled and put together, or pushed, in hardly more memory than it takes.

Flower cuts a message into parts: a tree of message, records, arrays, and chunks of arrays of 5 MiB.
Its own functions hold all parts at once, beside what they make of them or make them from. Here
arrays grow as their chunks come in, and chunks are copied out as they are sent. Like ``fleet`` and
``superlink_grid``, its callers, this module uses names of Flower that are not public.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flwr.app import Array, Message
from flwr.app.message.arraychunk import ArrayChunk
from flwr.proto.message_pb2 import ObjectTree
from flwr.supercore.inflatable.inflatable_object import (
    InflatableObject,
    get_all_nested_objects,
    get_object_body,
    get_object_children_ids_from_object_content,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_utils import (
    inflate_object_from_contents,
    pull_objects,
)

from .heap import forget_recent
from .wire import PACKED, Unpacking, is_packed, may_be_packed

# As many as Flower pulls or pushes at once.
_AT_ONCE = 2

Pull = Callable[[str], bytes]
_PullAll = Callable[[list[str]], dict[str, bytes]]


class BrokenMessage(ValueError):
    """Parts that make no message."""


def _kept(_: str) -> None:
    """Leave a part where it is, for its keeper to drop."""


def pull_message(
    tree: ObjectTree,
    pull: Pull,
    confirm: Callable[[str], None],
    *,
    drop: Callable[[str], None] = _kept,
    **patience: Any,
) -> Message:
    """Return the message of ``tree``, whose packed arrays are unpacked.

    ``pull`` gets one part, ``drop`` is told of those that will not be asked for again, and
    ``confirm`` that all are here. ``patience`` is how long parts are waited for that are not there
    yet, as Flower's ``pull_objects`` has it. Raises ObjectPullError for parts that do not come, and
    BrokenMessage.
    """

    def pull_all(ids: list[str]) -> dict[str, bytes]:
        return pull_objects(ids, pull, **patience)

    records = [record for content in tree.children for record in content.children]
    nodes = {node.object_id: node for record in records for node in record.children}
    try:
        # Chunks come first at the other side, too.
        made = {key: _ArrayPart(node, pull_all, drop) for key, node in nodes.items()}
        others = pull_all([one.object_id for one in _above_arrays(tree)])
        confirm(tree.object_id)
        arrays: dict[str, InflatableObject] = {key: part.array for key, part in made.items()}
        message = inflate_object_from_contents(tree.object_id, others, objects=arrays)
        if not isinstance(message, Message):
            raise BrokenMessage(f"a {type(message).__name__} is no message")
        if message.has_content():
            for key, record in list(message.content.array_records.items()):
                if is_packed(record):
                    held = made[record[PACKED].data.decode()]
                    message.content[key] = held.unpacking.arrays()
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise BrokenMessage(str(error)) from error
    return message


class _ArrayPart:
    """An array; if it is packed, its bytes are those of its id, and ``unpacking`` has the rest."""

    def __init__(self, node: ObjectTree, pull_all: _PullAll, drop: Callable[[str], None]) -> None:
        chunks = [chunk.object_id for chunk in node.children]
        self._begin()
        for key, body in zip(chunks, _bodies(chunks, pull_all), strict=True):
            self._take(body)
            if self._each_comes_once(len(chunks)):
                drop(key)
        # The other side sends this when the chunks are on their way.
        (content,) = pull_all([node.object_id]).values()
        about = json.loads(get_object_body(content, Array))
        ids = get_object_children_ids_from_object_content(content)
        order = [ids[number] for number in about["arraychunk_ids"]]
        if order != chunks:
            # Chunks that are the same travel once: a layer of zeros, for example.
            if self._each_comes_once(len(chunks)):
                raise BrokenMessage("an array has more chunks than bytes")
            there = pull_all(chunks)
            self._begin()
            for one in order:
                self._take(get_object_body(there[one], ArrayChunk))
        if self._packed != (about["stype"] == PACKED):
            raise BrokenMessage("an array is not what it says it is")
        data = node.object_id.encode() if self._packed else bytes(self._plain)
        self.array = Array(about["dtype"], tuple(about["shape"]), about["stype"], data)

    def _begin(self) -> None:
        self._packed, self._plain, self.unpacking = False, bytearray(), Unpacking()
        self._chunk_size = 0

    def _take(self, body: bytes) -> None:
        if not self._chunk_size:
            self._packed, self._chunk_size = may_be_packed(body), len(body)
        if self._packed:
            self.unpacking.feed(body)
        else:
            self._plain += body

    def _each_comes_once(self, chunks: int) -> bool:
        """Say whether no chunk stands for two that are the same."""
        return self._packed and 0 < self.unpacking.total <= self._chunk_size * chunks


def push_parts(
    messages: Iterable[Message], push: Callable[[str, bytes], None], wanted: Iterable[str]
) -> None:
    """Push those parts of ``messages`` whose ids are ``wanted``, few at a time.

    Raises what ``push`` raises.
    """
    asked = set(wanted)
    parts: dict[str, InflatableObject] = {}
    for message in messages:
        parts |= get_all_nested_objects(message)

    def push_one(key: str) -> None:
        with no_object_id_recompute():
            push(key, parts[key].deflate())
        forget_recent()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(push_one, [key for key in parts if key in asked]):
            pass


def _above_arrays(tree: ObjectTree) -> Iterator[ObjectTree]:
    yield tree
    for content in tree.children:
        yield content
        yield from content.children


def _bodies(ids: Sequence[str], pull_all: _PullAll) -> Iterator[bytes]:
    """Yield what is in each chunk, in order."""
    for start in range(0, len(ids), _AT_ONCE):
        window = list(ids[start : start + _AT_ONCE])
        contents = pull_all(window)
        for one in window:
            yield get_object_body(contents.pop(one), ArrayChunk)
        forget_recent()
