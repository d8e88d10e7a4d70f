"""A gateway in this process, and behind it what only writes down what reaches it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.runtime.server.conftest import Package

T = TypeVar("T")

PATIENCE = 20.0
PATH = "/v1/fleet/pull-messages"
OK = (
    b"HTTP/1.1 200 OK\r\nServer: superlink\r\nX-Inside: secret\r\nSet-Cookie: a=b\r\n"
    b"Content-Type: application/protobuf\r\nContent-Length: 5\r\n\r\nreply"
)


@dataclass(frozen=True)
class Passed:
    """A request that was passed on."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Recorder:
    """Stands in for what is behind the gateway; ``reply`` is what it sends, None to hang up."""

    reply: bytes | None = OK
    passed: list[Passed] = field(default_factory=list)
    arriving: bytearray = field(default_factory=bytearray)
    body_began: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)
    hang_up: bool = False
    server: asyncio.Server | None = None

    async def start(self, tls: ssl.SSLContext) -> int:
        """Listen; return the port."""
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=tls)
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    async def start_at(self, path: Path) -> None:
        """Listen at a socket of this machine."""
        self.server = await asyncio.start_unix_server(self.serve, path)

    async def stop(self) -> None:
        if self.server:
            self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
                headers = dict(part.lower().split(": ", 1) for part in rest)
                assert len(headers) == len(rest)
                self.arriving.clear()
                while len(self.arriving) < int(headers["content-length"]):
                    piece = await reader.read(65536)
                    if not piece:
                        raise asyncio.IncompleteReadError(b"", None)
                    self.arriving += piece
                    self.body_began.set()
                self.passed.append(Passed(line, headers, bytes(self.arriving)))
                if self.reply is None:
                    break
                writer.write(self.reply)
                self.answered.set()
                await writer.drain()
                if self.hang_up:
                    break
        writer.close()


class Site:
    """A key pair, and the headers with which Flower's client signs."""

    def __init__(self, server: Package) -> None:
        self.private = ec.generate_private_key(ec.SECP384R1())
        self.line = server.site_keys.openssh_line(self.private.public_key())
        self.pem: bytes = server.keyring.as_flower_sends_it(self.private.public_key())

    def signed(self, stamp: str | None = None) -> dict[str, str]:
        stamp = stamp or datetime.now(UTC).isoformat()
        signature = self.private.sign(stamp.encode(), ec.ECDSA(hashes.SHA256()))
        return {
            "flwr-public-key": b64encode(self.pem).decode(),
            "flwr-timestamp": stamp,
            "flwr-signature": b64encode(signature).decode(),
        }


class Front:
    """A gateway that listens; ``site`` is admitted to it.

    Behind it are ``superlink``, and ``parts``, which is asked for parts of messages.
    """

    def __init__(
        self,
        server: Package,
        port: int,
        superlink: Recorder,
        parts: Recorder,
        state: Path,
        run: Runner,
    ) -> None:
        self.run = run
        self.server = server
        self.port = port
        self.superlink = superlink
        self.parts = parts
        self.state = state
        self.site = Site(server)
        self.admit("alpha", self.site)

    def admit(self, name: str, site: Site) -> None:
        self.server.admission.admit_key(name, site.line, self.state)

    def revoke(self, name: str) -> None:
        self.server.admission.revoke(name, self.state)

    def connect(self) -> Wire:
        return Wire(socket.create_connection(("127.0.0.1", self.port), PATIENCE), self.state)

    def ask(self, request: bytes) -> Reply:
        """Send ``request`` over a connection of its own and return the first answer."""
        with self.connect() as wire:
            wire.send(request)
            return wire.reply()

    def call(self, headers: dict[str, str] | None = None, **changes: Any) -> Reply:
        return self.ask(request(self.site.signed() if headers is None else headers, **changes))


@dataclass(frozen=True)
class Reply:
    """An answer; status 0 where the connection ended without one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Wire:
    """A TLS connection to the gateway, as a stranger with the CA's certificate can make it."""

    def __init__(self, sock: socket.socket, state: Path) -> None:
        tls = ssl.create_default_context(cafile=str(state / "pki" / "ca.pem"))
        self.sock = tls.wrap_socket(sock, server_hostname="localhost")
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        # The gateway may have hung up, which the next reply then tells.
        with suppress(OSError):
            self.sock.sendall(data)

    def reply(self) -> Reply:
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return Reply(0)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        line, *rest = head.decode().split("\r\n")
        headers = dict(part.lower().split(": ", 1) for part in rest)
        length = int(headers["content-length"])
        while len(self._buffer) < length:
            if not self._more():
                return Reply(0)
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Reply(int(line.split()[1]), headers, body)

    def ends(self) -> bool:
        """Wait for the gateway to hang up; raises TimeoutError where it does not."""
        while self._more():
            pass
        return True

    def _more(self) -> bool:
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            raise
        except OSError:
            return False
        self._buffer += data
        return bool(data)


def request(
    headers: dict[str, str],
    *,
    method: str = "POST",
    target: str = PATH,
    body: bytes = b"ask",
    version: str = "HTTP/1.1",
    extra: str = "",
) -> bytes:
    """A request as Flower's client would make it, but for what the test changes."""
    all_headers = {
        "Host": "localhost",
        "Content-Type": "application/protobuf",
        "Content-Length": str(len(body)),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
    head = f"{method} {target} {version}\r\n{lines}{extra}\r\n"
    return head.encode("latin-1") + body


def head(front: Front, lines: str, *, length: str | None = "3") -> bytes:
    """A signed head, with ``lines`` as they are."""
    signed = "".join(f"{name}: {value}\r\n" for name, value in front.site.signed().items())
    counted = "" if length is None else f"Content-Length: {length}\r\n"
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/protobuf\r\n"
        f"{signed}{counted}{lines}\r\n"
    ).encode("latin-1")


@contextmanager
def gateway(server: Package, state: Path, **limits: Any) -> Iterator[Front]:
    """Run a gateway with these limits, and recorders behind it, in a thread of their own."""
    certificates = server.certificates.ensure_certificates(state / "pki")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.server, certificates.key)
    bounds = server.gateway_limits.Limits(**limits)
    superlink, parts = Recorder(), Recorder()
    keyring = server.keyring.Keyring(state / "keys.json")
    listener = socket.create_server(("127.0.0.1", 0))
    links = server.gateway_link
    # The path of a socket must be short.
    with _loop() as run, closing(listener), TemporaryDirectory() as folder:
        port = run(superlink.start, tls)
        run(parts.start_at, Path(folder) / "parts")
        front = server.gateway.Gateway(
            tls,
            server.gateway_callers.Callers(keyring, bounds),
            superlink=links.to_superlink(f"127.0.0.1:{port}", certificates.ca, bounds),
            parts=links.to_parts(Path(folder) / "parts", bounds),
            limits=bounds,
        )
        with run.background(front.serve, listener):
            yield Front(server, listener.getsockname()[1], superlink, parts, state, run)
        run(superlink.stop)
        run(parts.stop)


class Runner:
    """Runs coroutines in the loop of another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __call__(self, make: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
        return asyncio.run_coroutine_threadsafe(make(*args, **kwargs), self._loop).result(PATIENCE)

    @contextmanager
    def background(self, make: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> Any:
        future = asyncio.run_coroutine_threadsafe(make(*args), self._loop)
        try:
            yield
            assert not future.done(), future.exception()
        finally:
            future.cancel()


@contextmanager
def _loop() -> Iterator[Runner]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Runner(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
