"""The gateway's other side: requests of its own making to processes on this machine."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import h11

from .gateway_http import CONTENT_TYPE, PIECE_BYTES, Refused
from .gateway_limits import Limits

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

# The other side closes an idle connection after 5 seconds: one that is younger is still good.
_IDLE_SECONDS = 2.0
_OK, _ERRORS = 200, range(400, 600)


@dataclass(frozen=True)
class Answer:
    """What the other side answers: a body of ``length`` bytes, and none with an error."""

    status: int
    length: int = 0
    pieces: AsyncIterator[bytes] | None = None


class Link:
    """Connections to the process ``name``, which ``connect`` makes; ``host`` is its address."""

    def __init__(self, name: str, host: bytes, connect: Connect, limits: Limits) -> None:
        self._name = name
        self._host = host
        self._open = connect
        self._limits = limits
        self._idle: list[_Wire] = []

    def close(self) -> None:
        """End the idle connections."""
        while self._idle:
            self._idle.pop().abort()

    @asynccontextmanager
    async def post(
        self, path: bytes, headers: Mapping[bytes, bytes], length: int, body: AsyncIterator[bytes]
    ) -> AsyncIterator[Answer]:
        """Make a request; nothing of the site's own but ``headers`` and ``body`` is in it.

        Raises Refused where the other side does not answer as it should.
        """
        wire = self._idle_wire() or await self._connect()
        try:
            request = h11.Request(
                method=b"POST",
                target=path,
                headers=[
                    (b"host", self._host),
                    *headers.items(),
                    (b"content-type", CONTENT_TYPE),
                    (b"content-length", b"%d" % length),
                ],
            )
            yield await wire.ask(request, body)
        finally:
            if wire.is_free():
                self._idle.append(wire)
            else:
                wire.abort()

    def _idle_wire(self) -> _Wire | None:
        while self._idle:
            wire = self._idle.pop()
            if wire.is_fresh():
                return wire
            wire.abort()
        return None

    async def _connect(self) -> _Wire:
        try:
            async with asyncio.timeout(self._limits.superlink_connect_seconds):
                reader, writer = await self._open()
        except (OSError, TimeoutError) as error:
            raise Refused(502, f"no {self._name} there ({error or 'timed out'})") from error
        return _Wire(self._name, reader, writer, self._limits.superlink_answer_seconds)


def to_superlink(address: str, ca: Path, limits: Limits) -> Link:
    """Return the link to the SuperLink at ``address``, over TLS; ``ca`` vouches for it."""
    host, _, port = address.rpartition(":")
    tls = ssl.create_default_context(cafile=str(ca))

    def connect() -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        return asyncio.open_connection(host.strip("[]"), int(port), ssl=tls, limit=PIECE_BYTES)

    return Link("SuperLink", address.encode(), connect, limits)


def to_parts(path: Path, limits: Limits) -> Link:
    """Return the link to the process that has the parts of messages, at the socket ``path``."""

    def connect() -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        return asyncio.open_unix_connection(path, limit=PIECE_BYTES)

    return Link("server", b"server", connect, limits)


class _Wire:
    """One connection to the process ``name``: a request and its answer, then the next."""

    def __init__(
        self,
        name: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        seconds: float,
    ) -> None:
        self._name = name
        self._reader = reader
        self._writer = writer
        self._seconds = seconds
        self._http = h11.Connection(h11.CLIENT)
        self._used = 0.0

    async def ask(self, request: h11.Request, body: AsyncIterator[bytes]) -> Answer:
        """Send a request and return its answer, whose body is still to be read."""
        self._http = h11.Connection(h11.CLIENT)
        await self._send(request)
        async for piece in body:
            await self._send(h11.Data(data=piece))
        await self._send(h11.EndOfMessage())
        response = await self._receive()
        if not isinstance(response, h11.Response):
            raise Refused(502, f"the {self._name} does not answer in HTTP")
        if response.status_code in _ERRORS:
            return Answer(response.status_code)
        headers = dict(response.headers)
        length, media = headers.get(b"content-length"), headers.get(b"content-type")
        if response.status_code != _OK or media != CONTENT_TYPE or length is None:
            raise Refused(502, f"the {self._name} answers strangely ({response.status_code})")
        return Answer(_OK, int(length), self._pieces())

    def is_free(self) -> bool:
        """Say whether the answer was read to its end, so that another request can follow."""
        self._used = asyncio.get_running_loop().time()
        return self._http.our_state is self._http.their_state is h11.DONE

    def is_fresh(self) -> bool:
        """Say whether the other side surely waits for another request."""
        age = asyncio.get_running_loop().time() - self._used
        return age < _IDLE_SECONDS and not self._reader.at_eof()

    def abort(self) -> None:
        """End the connection now."""
        self._writer.transport.abort()

    async def _pieces(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._receive(), h11.Data):
            yield bytes(event.data)

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        try:
            if data:
                self._writer.write(data)
                async with asyncio.timeout(self._seconds):
                    await self._writer.drain()
        except TimeoutError as error:
            raise Refused(504, f"the {self._name} is too slow") from error
        except OSError as error:
            raise Refused(502, f"the {self._name} is gone ({error})") from error

    async def _receive(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                async with asyncio.timeout(self._seconds):
                    self._http.receive_data(await self._reader.read(PIECE_BYTES))
        except TimeoutError as error:
            raise Refused(504, f"the {self._name} is too slow") from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise Refused(502, f"the {self._name} is gone ({error})") from error
        return event
