"""All arrays of a model in one: Flower makes requests of its own for each array that travels.

A packed record holds a single Array, whose bytes are an index (its length in 8 bytes, then JSON:
name, type, shape, serialization, length of each array) and the arrays' own bytes one after the
other. Nothing is decoded on the way, and the arrays can be taken out while the bytes come in.
"""

from __future__ import annotations

import json
from collections.abc import Generator

from flwr.app import Array, ArrayRecord

PACKED = "packed"
_LENGTH_BYTES = 8
_NEVER = 1 << 64
_LONGEST_INDEX = 1 << 32


class WireError(ValueError):
    """Bytes that are no packed arrays."""


def is_packed(arrays: ArrayRecord) -> bool:
    """Say whether ``arrays`` came out of ``pack``."""
    return list(arrays) == [PACKED] and arrays[PACKED].stype == PACKED


def may_be_packed(start: bytes) -> bool:
    """Say whether bytes that begin like this can be a packed record's; numpy's files cannot."""
    return int.from_bytes(start[:_LENGTH_BYTES], "big") < _LONGEST_INDEX


def pieces_of(arrays: ArrayRecord) -> list[bytes]:
    """Return what ``arrays`` are when packed, in pieces; those of the arrays are not copies."""
    index = json.dumps(
        [
            [name, array.dtype, list(array.shape), array.stype, len(array.data)]
            for name, array in arrays.items()
        ]
    ).encode()
    length = len(index).to_bytes(_LENGTH_BYTES, "big")
    return [length, index, *(array.data for array in arrays.values())]


def pack(arrays: ArrayRecord) -> ArrayRecord:
    """Return a record of one Array that holds all of ``arrays``, in their order."""
    data = b"".join(pieces_of(arrays))
    return ArrayRecord({PACKED: Array("uint8", (len(data),), PACKED, data)})


def unpack(arrays: ArrayRecord) -> ArrayRecord:
    """Return what was packed; a record that is not packed as it is. Raises WireError."""
    if not is_packed(arrays):
        return arrays
    unpacking = Unpacking()
    unpacking.feed(arrays[PACKED].data)
    return unpacking.arrays()


class Unpacking:
    """Takes arrays out of the bytes of a packed record, which come in pieces.

    At no time is there more in memory than the arrays, and the piece that came last. ``total`` are
    the bytes of them all together, once their index has come, and 0 before.
    """

    def __init__(self) -> None:
        self._pieces: list[memoryview] = []
        self._size = 0
        self._arrays: dict[str, Array] = {}
        self._reason = "the packed arrays are not as long as their index says"
        self.total = 0
        self._whole = False
        self._reading = self._read()
        self._wanted = next(self._reading)

    def feed(self, piece: bytes) -> None:
        """Take the next bytes; if they are no packed record, ``arrays`` will tell."""
        self._pieces.append(memoryview(piece))
        self._size += len(piece)
        try:
            while self._size >= self._wanted:
                self._wanted = self._reading.send(self._next(self._wanted))
        except (ValueError, TypeError, OverflowError, RecursionError):
            self._reason = "the packed arrays have no index"
            self._pieces, self._size, self._wanted = [], 0, _NEVER

    def arrays(self) -> ArrayRecord:
        """Return the arrays, after the last piece. Raises WireError."""
        if not self._whole or self._size:
            raise WireError(self._reason)
        # It refers to this object, which would keep all in memory until Python looks for cycles.
        self._reading.close()
        return ArrayRecord(self._arrays, keep_input=False)

    def _read(self) -> Generator[int, bytes, None]:
        """Say how many bytes come next, and get them, until all arrays are there."""
        length = yield _LENGTH_BYTES
        text = yield int.from_bytes(length, "big")
        index = [
            (str(name), str(dtype), tuple(map(int, shape)), str(stype), int(size))
            for name, dtype, shape, stype, size in json.loads(text)
        ]
        if any(size < 0 for *_, size in index):
            raise ValueError("a length below nothing")
        self.total = _LENGTH_BYTES + len(text) + sum(size for *_, size in index)
        for name, dtype, shape, stype, size in index:
            self._arrays[name] = Array(dtype, shape, stype, (yield size))
        self._whole = True
        yield _NEVER

    def _next(self, size: int) -> bytes:
        """Take the next bytes out of the pieces."""
        taken = []
        self._size -= size
        while size:
            piece = self._pieces.pop(0)
            taken.append(piece[:size])
            if len(piece) > size:
                self._pieces.insert(0, piece[size:])
            size -= len(taken[-1])
        return b"".join(taken)
