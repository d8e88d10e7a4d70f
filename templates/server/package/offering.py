"""A message as it is offered to sites: its parts are made when a site asks, from the weights.

Like ``superlink_grid`` and ``parts`` this module uses names of Flower that are not public.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from flwr.app import Array, ArrayRecord, Message
from flwr.app.message.arraychunk import ArrayChunk
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    no_object_id_recompute,
)

from .part_store import Part
from .wire import PACKED, pack, pieces_of


@contextmanager
def packed_arrays(messages: Iterable[Message]) -> Iterator[dict[int, ArrayRecord]]:
    """Let the arrays of each message travel as one; those that messages share are packed once.

    Afterwards the messages are as they were: what is packed is a copy. Yields the records that were
    packed, by the ``id`` of the Array that each has become.
    """
    packed: dict[int, ArrayRecord] = {}
    sources: dict[int, ArrayRecord] = {}
    before = [(message, dict(message.content.array_records)) for message in messages]
    for message, records in before:
        for key, arrays in records.items():
            if id(arrays) not in packed:
                packed[id(arrays)] = pack(arrays)
                sources[id(packed[id(arrays)][PACKED])] = arrays
            message.content[key] = packed[id(arrays)]
    try:
        yield sources
    finally:
        for message, records in before:
            for key, arrays in records.items():
                message.content[key] = arrays


def parts_of(message: Message, packed: Mapping[int, ArrayRecord]) -> dict[str, Part]:
    """Return the parts of a message by their ids.

    ``packed`` has, by the ``id`` of each packed Array in it, the record that it was made of. Its
    chunks refer to the bytes of that record, so that no other copy of the weights needs to stay.
    """
    parts: dict[str, Part] = {}
    with no_object_id_recompute():
        for key, one in get_all_nested_objects(message).items():
            if isinstance(one, Array) and id(one) in packed:
                parts |= _chunks(one, pieces_of(packed[id(one)]))
            if not isinstance(one, ArrayChunk):
                parts[key] = partial(bytes, one.deflate())
            elif key not in parts:
                parts[key] = one.deflate
    return parts


def _chunks(array: Array, pieces: Iterable[bytes]) -> Iterator[tuple[str, Part]]:
    """Yield the chunks of an Array whose bytes are ``pieces``, one after the other."""
    left = [memoryview(piece) for piece in pieces if piece]
    for key, chunk in array.slice_array():
        assert isinstance(chunk, ArrayChunk)
        size, taken = len(chunk.data), list[memoryview]()
        while size:
            piece = left.pop(0)
            if len(piece) > size:
                left.insert(0, piece[size:])
            taken.append(piece[:size])
            size -= len(taken[-1])
        yield key, partial(_deflated, taken)


def _deflated(pieces: list[memoryview]) -> bytes:
    return ArrayChunk(memoryview(b"".join(pieces))).deflate()
