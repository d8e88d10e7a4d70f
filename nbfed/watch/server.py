"""The page's server: for this machine alone, and for pages of its own alone."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from nbfed.errors import UsageError
from nbfed.template_folder import templates_path

if TYPE_CHECKING:
    from types import FrameType

    from starlette.requests import Request

    from nbfed.watch.feed import Feed

HOST = "127.0.0.1"
_LOOK_SECONDS = 0.4
_SIGN_OF_LIFE_SECONDS = 10.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1, on any free port for 0; raises UsageError where it is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        # At once: whoever is told the address may come before the server is up, and waits.
        listener.listen()
    except OSError as error:
        listener.close()
        hint = "choose another --port, or leave it out for any free one"
        raise UsageError(f"port {port} cannot be used: {error.strerror}", hint=hint) from error
    return listener


def serve(feed: Feed, listener: socket.socket, on_end: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C, which raises KeyboardInterrupt after all is closed.

    ``on_end`` is called once with the run's outcome when it has ended.
    """
    stop = threading.Event()
    config = uvicorn.Config(
        application(feed, stop, on_end), log_level="error", access_log=False, ws="none",
        server_header=False, timeout_graceful_shutdown=3,
    )  # fmt: skip
    _Server(config, stop).run(sockets=[listener])
    raise KeyboardInterrupt


class _Server(uvicorn.Server):
    """Tells the streams of events to end, which would be waited for otherwise."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C, or a polite request to end."""
        self._stop.set()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals, and not raise them once more inside the loop, as uvicorn would."""
        before = {
            each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def application(feed: Feed, stop: threading.Event, on_end: Callable[[str], None]) -> Starlette:
    """The web application.

    A request for another host's name is refused: a page of that name, led here by its DNS, could
    read the run otherwise.
    """

    async def page(_: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(feed.page), headers=_HEADERS)

    async def report(_: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(feed.report), headers=_HEADERS)

    async def script(_: Request) -> Response:
        text = (templates_path() / "report" / "watch.js").read_text(encoding="utf-8")
        return Response(text, media_type="text/javascript", headers=_HEADERS)

    async def events(_: Request) -> Response:
        return StreamingResponse(
            _changes(feed, stop), media_type="text/event-stream", headers=_HEADERS
        )

    @asynccontextmanager
    async def following(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_follow(feed, on_end))
        yield
        task.cancel()

    routes = {"/": page, "/report": report, "/watch.js": script, "/events": events}
    return Starlette(
        routes=[Route(path, handler, methods=["GET"]) for path, handler in routes.items()],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False)
        ],
        lifespan=following,
    )


async def _follow(feed: Feed, on_end: Callable[[str], None]) -> None:
    told = ""
    while True:
        await run_in_threadpool(feed.refresh)
        if feed.ended != told:
            told = feed.ended
            if told:
                on_end(told)
        await asyncio.sleep(_LOOK_SECONDS)


async def _changes(feed: Feed, stop: threading.Event) -> AsyncIterator[str]:
    """Server-sent events: all parts first, then those that have changed."""
    sent: dict[str, str] = {}
    version, silent = -1, 0.0
    while not stop.is_set():
        if feed.version != version:
            version, parts = feed.version, feed.parts
            changed = {name: html for name, html in parts.items() if sent.get(name) != html}
            sent.update(changed)
            silent = 0.0
            yield f"data: {json.dumps(changed)}\n\n"
        elif silent >= _SIGN_OF_LIFE_SECONDS:
            silent = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(_LOOK_SECONDS)
        silent += _LOOK_SECONDS
