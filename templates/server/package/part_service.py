"""What the gateway asks this process for: parts of messages, by Flower's calls for them.

Like ``superlink`` and ``superlink_grid`` this module uses names of Flower that are not public.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import uvicorn
from flwr.proto.message_pb2 import (
    PullObjectRequest,
    PullObjectResponse,
    PushObjectRequest,
    PushObjectResponse,
)
from google.protobuf.message import DecodeError

from .addresses import StartError
from .gateway_limits import PUSH_PART, SITE
from .part_store import PartStore
from .settings import DISTRIBUTION

# As ASGI has them.
_Event: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Event]]
_Send: TypeAlias = Callable[[_Event], Awaitable[None]]

SiteOf: TypeAlias = Callable[[int], str | None]

_MEDIA = (b"content-type", b"application/protobuf")
_START_SECONDS, _START_POLL_SECONDS, _STOP_SECONDS = 30.0, 0.01, 2
_OK, _BAD, _STRANGER, _OVER = 200, 400, 401, 403


@contextmanager
def part_service(store: PartStore, site_of: SiteOf) -> Iterator[Path]:
    """Serve ``store`` to sites as long as the block lasts; yield the path of the socket.

    ``site_of`` names a node's site. The socket lies in a folder that only this user may enter.
    Raises StartError.
    """
    # Of its own: a socket's path may not be as long as those of other files.
    with tempfile.TemporaryDirectory(prefix=f"{DISTRIBUTION}-") as folder:
        path = Path(folder) / "parts"
        server = uvicorn.Server(
            uvicorn.Config(
                PartService(store, site_of),
                uds=str(path),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=_STOP_SECONDS,
            )
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield path
        finally:
            store.close()
            server.should_exit = True
            thread.join()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise StartError("the service of the messages' parts does not start")
        time.sleep(_START_POLL_SECONDS)


class PartService:
    """An ASGI application. The gateway says whose request it is: it has checked the signature."""

    def __init__(self, store: PartStore, site_of: SiteOf) -> None:
        self._store = store
        self._site_of = site_of

    async def __call__(self, scope: _Event, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        site = dict(scope["headers"])[SITE].decode()
        pieces = []
        while True:
            event = await receive()
            if event["type"] != "http.request":
                return  # The site left in the middle of its request.
            pieces.append(event["body"])
            self._store.hear(site)
            if not event["more_body"]:
                break
        status, body = self._answer(scope["path"].encode(), site, b"".join(pieces))
        headers = [(b"content-length", b"%d" % len(body)), _MEDIA]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: bytes, site: str, body: bytes) -> tuple[int, bytes]:
        """Return a status, which means what it means where the SuperLink answers, and a body."""
        if self._store.closed:
            return _OVER, b""
        request = PushObjectRequest() if path == PUSH_PART else PullObjectRequest()
        try:
            request.ParseFromString(body)
        except DecodeError:
            return _BAD, b""
        if self._site_of(request.node.node_id) != site:
            # A node of another server, before this one was started, or of another site.
            return _STRANGER, b""
        if isinstance(request, PushObjectRequest):
            return _OK, self._push(site, request)
        return _OK, self._pull(request)

    def _push(self, site: str, request: PushObjectRequest) -> bytes:
        stored = self._store.put(site, request.object_id, request.object_content)
        return PushObjectResponse(stored=stored).SerializeToString()

    def _pull(self, request: PullObjectRequest) -> bytes:
        content = self._store.offered(request.object_id)
        found = content is not None
        response = PullObjectResponse(
            object_found=found, object_available=found, object_content=content or b""
        )
        return response.SerializeToString()
