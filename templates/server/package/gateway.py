"""The one port that sites reach: TLS outside, and inside only the calls that a site makes.

A SuperLink lets whoever reaches its port start runs, that is, run code. So it listens on this
machine alone, and this process stands before it. A request is passed on if its method and path
are on a short list, byte for byte, and if an admitted key has just signed it; it is then made
anew, so that nothing of its spelling travels. Everything else gets an empty answer.

Messages go to the SuperLink; their parts, the models, to the process that has the run.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator

from .gateway_callers import PUBLIC_KEY, SIGNATURE, TIMESTAMP, Caller, Callers, NotLetIn
from .gateway_http import PIECE_BYTES, Connection, Gone, Head, Refused
from .gateway_limits import ACTIVATE, PULL_PART, PUSH_PART, SITE, Limits
from .gateway_link import Link
from .gateway_places import Places, Task

_PASSED_HEADERS = (PUBLIC_KEY, TIMESTAMP, SIGNATURE)
_ACCEPT_PAUSE_SECONDS = 0.1
# The SuperLink knows an admitted key a moment later than we do, and counts a site that broke off
# as present for some seconds. Neither is a reason to give up: Flower's client tries again at 503.
_NOT_YET, _BUSY = 412, 503

_log = logging.getLogger(__name__)


class Gateway:
    """Passes the calls of admitted sites on to ``superlink``, and those for parts to ``parts``."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        callers: Callers,
        *,
        superlink: Link,
        parts: Link,
        limits: Limits | None = None,
    ) -> None:
        self._tls = tls
        self._callers = callers
        self._superlink = superlink
        self._parts = parts
        self._limits = limits or Limits()
        self._places = Places(self._limits)

    async def serve(self, listener: socket.socket) -> None:
        """Take connections from ``listener`` until cancelled."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        listener.listen(self._limits.strangers)
        try:
            while True:
                try:
                    sock, address = await loop.sock_accept(listener)
                except OSError as error:
                    _log.warning("cannot take a connection: %s", error.strerror)
                    await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
                    continue
                task = loop.create_task(self._connection(sock, address[0]))
                self._places.enter(task)
                task.add_done_callback(self._ended)
        finally:
            await asyncio.gather(*self._places.clear(), return_exceptions=True)

    def _ended(self, task: Task) -> None:
        self._places.leave(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("a connection ended with an error", exc_info=error)

    async def _connection(self, sock: socket.socket, address: str) -> None:
        try:
            connection = await self._secured(sock)
        except (OSError, TimeoutError) as error:
            _log.info("%s: no TLS (%s)", address, type(error).__name__)
            return
        try:
            while True:
                await self._request(connection)
        except Refused as refused:
            _log.warning("%s: %d, %s", address, refused.status, refused)
            await connection.refuse(refused.status)
        except Gone:
            _log.debug("%s: gone", address)
        finally:
            connection.abort()

    async def _request(self, connection: Connection) -> None:
        """Serve one request; raises Refused or Gone."""
        task = asyncio.current_task()
        assert task is not None
        seated = self._places.is_seated(task)
        limits = self._limits
        head = await connection.head(limits.idle_seconds if seated else limits.head_seconds)
        length = self._body_length(head)
        try:
            caller = self._callers.identify(head.headers)
        except NotLetIn as error:
            raise Refused(401, str(error)) from error
        self._places.seat(task, caller)
        link, headers = self._way(head, caller)
        body = self._while_admitted(caller, connection.body(length))
        async with link.post(head.target, headers, length, body) as answer:
            pieces = answer.pieces and self._while_admitted(caller, answer.pieces)
            early = answer.status == _NOT_YET and head.target == ACTIVATE
            await connection.answer(_BUSY if early else answer.status, answer.length, pieces)

    def _way(self, head: Head, caller: Caller) -> tuple[Link, dict[bytes, bytes]]:
        """Return where a request goes, and the headers that go with it."""
        if head.target in (PUSH_PART, PULL_PART):
            return self._parts, {SITE: caller.site.encode()}
        return self._superlink, {name: head.headers[name] for name in _PASSED_HEADERS}

    def _body_length(self, head: Head) -> int:
        longest = self._limits.body(head.method, head.target)
        if longest is None:
            raise Refused(404, "a call that is not served")
        if head.length > longest:
            raise Refused(413, "a body that is too long")
        return head.length

    async def _while_admitted(
        self, caller: Caller, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        async for piece in pieces:
            if not self._callers.is_admitted(caller):
                raise Refused(401, f"{caller.site}: revoked in the middle of a request")
            yield piece

    async def _secured(self, sock: socket.socket) -> Connection:
        loop = asyncio.get_running_loop()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = asyncio.StreamReader(limit=PIECE_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        async with asyncio.timeout(self._limits.handshake_seconds):
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=self._tls)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return Connection(reader, writer, self._limits)
