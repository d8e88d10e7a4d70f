"""One connection to the gateway: HTTP/1.1 without any of its liberties, and with time limits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate

import h11

from .gateway_limits import Limits

CONTENT_TYPE = b"application/protobuf"
# As much as one reading of the event loop takes in.
PIECE_BYTES = 256 * 1024

_END_OF_HEAD = b"\r\n\r\n"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTHS = re.compile(rb"content-length:.*,", re.IGNORECASE)

# A request with one of these is not what Flower's client sends.
_UNWANTED: Mapping[bytes, int] = {
    b"transfer-encoding": 411,
    b"upgrade": 400,
    b"expect": 417,
    b"trailer": 400,
    b"te": 400,
    b"content-encoding": 415,
    b"content-range": 400,
}


class Refused(Exception):
    """A request that is not served: the status to answer, and the reason for our own log."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Gone(Exception):
    """The other side left, or is too slow: nobody is there to answer."""


@dataclass(frozen=True)
class Head:
    """The first part of a request; ``target`` is as it came, names of headers in lower case."""

    method: bytes
    target: bytes
    headers: Mapping[bytes, bytes]

    @property
    def length(self) -> int:
        """Return the length of the body in bytes; raises Refused where it is not stated."""
        for name, status in _UNWANTED.items():
            if name in self.headers:
                raise Refused(status, f"a request with {name.decode()}")
        if self.headers.get(b"content-type") != CONTENT_TYPE:
            raise Refused(415, "a body that is not protobuf")
        try:
            return int(self.headers[b"content-length"])
        except KeyError:
            raise Refused(411, "a body of unknown length") from None


class Connection:
    """Reads requests and writes answers, one after the other."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._http = h11.Connection(h11.SERVER)

    async def head(self, seconds: float) -> Head:
        """Wait for the next request; raises Gone or Refused."""
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.head_bytes)
        try:
            async with asyncio.timeout(seconds):
                head = await self._reader.readuntil(_END_OF_HEAD)
        except asyncio.LimitOverrunError as error:
            raise Refused(431, "a head that is too long") from error
        except (TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            raise Gone from error
        if len(head) > self._limits.head_bytes:
            raise Refused(431, "a head that is too long")
        return self._parse(head)

    async def body(self, length: int) -> AsyncIterator[bytes]:
        """Yield the body of ``length`` bytes in pieces; raises Gone."""
        limits, now = self._limits, asyncio.get_running_loop().time
        end = now() + limits.stall_seconds + length / limits.least_bytes_per_second
        try:
            while length:
                async with asyncio.timeout(min(limits.stall_seconds, end - now())):
                    piece = await self._reader.read(min(length, PIECE_BYTES))
                self._http.receive_data(piece)
                while isinstance(event := self._http.next_event(), h11.Data):
                    length -= len(event.data)
                    yield bytes(event.data)
        except (TimeoutError, OSError, h11.RemoteProtocolError) as error:
            raise Gone from error

    async def answer(
        self, status: int, length: int = 0, pieces: AsyncIterator[bytes] | None = None
    ) -> None:
        """Send an answer with a body of protobuf, or an empty one; raises Gone."""
        await self._begin(status, length, (b"content-type", CONTENT_TYPE) if pieces else None)
        if pieces is not None:
            async for piece in pieces:
                await self._send(h11.Data(data=piece))
        await self._send(h11.EndOfMessage())

    async def refuse(self, status: int) -> None:
        """Send an empty answer, and make sure that it arrives; nothing else follows."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        with suppress(Gone):
            await self._begin(status, 0, (b"connection", b"close"))
            await self._linger()

    def abort(self) -> None:
        """End the connection now."""
        self._writer.transport.abort()

    def _parse(self, head: bytes) -> Head:
        lines = head.removesuffix(_END_OF_HEAD).split(b"\r\n")
        # h11 forgives lone line feeds and folded lines, of which two readers may think otherwise.
        if any(not line or line[:1] in b" \t" or _CONTROL.search(line) for line in lines):
            raise Refused(400, "a head that is not clean HTTP")
        try:
            self._http.receive_data(head)
            request = self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise Refused(400, "a head that is not HTTP") from error
        if not isinstance(request, h11.Request) or request.http_version != b"1.1":
            raise Refused(400, "not HTTP/1.1")
        headers = dict(request.headers)
        # h11 makes one of two lengths that are the same; nothing may come twice.
        if len(headers) != len(lines) - 1 or any(map(_LENGTHS.match, lines)):
            raise Refused(400, "a header that comes twice")
        return Head(request.method, request.target, headers)

    async def _begin(self, status: int, length: int, header: tuple[bytes, bytes] | None) -> None:
        date = formatdate(usegmt=True).encode()
        headers = [(b"date", date), (b"content-length", str(length).encode())]
        if header:
            headers.append(header)
        await self._send(h11.Response(status_code=status, headers=headers, reason=b""))

    async def _send(self, event: h11.Event) -> None:
        try:
            data = self._http.send(event)
            if data:
                self._writer.write(data)
                async with asyncio.timeout(self._limits.stall_seconds):
                    await self._writer.drain()
        except (OSError, TimeoutError, h11.LocalProtocolError) as error:
            raise Gone from error

    async def _linger(self) -> None:
        """Take what the other side still sends: the system cuts an answer off otherwise."""
        left = self._limits.linger_bytes
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(self._limits.linger_seconds):
                while left > 0 and (piece := await self._reader.read(PIECE_BYTES)):
                    left -= len(piece)
