"""A message's parts as they are given out: made when a site asks, from the weights as they are.

Like ``superlink_grid`` and ``parts`` this module uses names of Flower that are not public.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from flwr.app import Array, ArrayRecord, Message
from flwr.app.message.arraychunk import ArrayChunk
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    no_object_id_recompute,
)

from .part_store import Part
from .wire import pieces_of


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
