"""The gateway's other side: requests of its own making to the SuperLink on this machine."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import h11

from .gateway_http import CONTENT_TYPE, PIECE_BYTES, Refused
from .gateway_limits import Limits

# The SuperLink closes an idle connection after 5 seconds: one that is younger is still good.
_IDLE_SECONDS = 2.0
_OK, _ERRORS = 200, range(400, 600)


@dataclass(frozen=True)
class Answer:
    """What the SuperLink answers: a body of ``length`` bytes, and none with an error."""

    status: int
    length: int = 0
    pieces: AsyncIterator[bytes] | None = None


class Link:
    """HTTPS connections to the SuperLink at ``address``, which ``ca`` vouches for."""

    def __init__(self, address: str, ca: Path, limits: Limits) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._tls = ssl.create_default_context(cafile=str(ca))
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

        Raises Refused where the SuperLink does not answer as it should.
        """
        wire = self._idle_wire() or await self._connect()
        try:
            request = h11.Request(
                method=b"POST",
                target=path,
                headers=[
                    (b"host", f"{self._host}:{self._port}".encode()),
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
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._tls, limit=PIECE_BYTES
                )
        except (OSError, TimeoutError) as error:
            raise Refused(502, f"no SuperLink there ({error or 'timed out'})") from error
        return _Wire(reader, writer, self._limits.superlink_answer_seconds)


class _Wire:
    """One connection to the SuperLink: a request and its answer, then the next."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> None:
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
            raise Refused(502, "the SuperLink does not answer in HTTP")
        if response.status_code in _ERRORS:
            return Answer(response.status_code)
        headers = dict(response.headers)
        length, media = headers.get(b"content-length"), headers.get(b"content-type")
        if response.status_code != _OK or media != CONTENT_TYPE or length is None:
            raise Refused(502, f"the SuperLink answers strangely ({response.status_code})")
        return Answer(_OK, int(length), self._pieces())

    def is_free(self) -> bool:
        """Say whether the answer was read to its end, so that another request can follow."""
        self._used = asyncio.get_running_loop().time()
        return self._http.our_state is self._http.their_state is h11.DONE

    def is_fresh(self) -> bool:
        """Say whether the SuperLink surely waits for another request."""
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
            raise Refused(504, "the SuperLink is too slow") from error
        except OSError as error:
            raise Refused(502, f"the SuperLink is gone ({error})") from error

    async def _receive(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                async with asyncio.timeout(self._seconds):
                    self._http.receive_data(await self._reader.read(PIECE_BYTES))
        except TimeoutError as error:
            raise Refused(504, "the SuperLink is too slow") from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise Refused(502, f"the SuperLink is gone ({error})") from error
        return event
