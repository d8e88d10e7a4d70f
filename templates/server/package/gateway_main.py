"""The process of the gateway, which ends when its parent does.

It knows the server's certificate with its key and the sites' public keys, and no more: not the
secret with which the parent directs the SuperLink.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

import uvloop

from .gateway import Gateway
from .gateway_callers import Callers
from .gateway_limits import Limits
from .gateway_link import to_parts, to_superlink
from .keyring import Keyring

_GRACE_SECONDS = 2.0
_MINUTE = 60.0


def main() -> None:
    """Serve on the socket that the parent opened, until the parent ends."""
    options = _options()
    limits = Limits()
    _log_to_standard_output(limits)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.open_files if most == resource.RLIM_INFINITY else min(limits.open_files, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        uvloop.run(_serve(options, limits))


async def _serve(options: argparse.Namespace, limits: Limits) -> None:
    _cancel_at_the_end()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.load_cert_chain(options.cert, options.key)
    tls.set_alpn_protocols(["http/1.1"])
    callers = Callers(Keyring(options.keys), limits)
    with (
        contextlib.closing(to_superlink(options.superlink, options.ca, limits)) as superlink,
        contextlib.closing(to_parts(options.parts, limits)) as parts,
    ):
        gateway = Gateway(tls, callers, superlink=superlink, parts=parts, limits=limits)
        await gateway.serve(socket.socket(fileno=options.socket))


def _cancel_at_the_end() -> None:
    """Cancel this task when the parent closes the other end of our standard input, or ends."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)

    def watch() -> None:
        sys.stdin.buffer.read()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(task.cancel)
        time.sleep(_GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _log_to_standard_output(limits: Limits) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    handler.addFilter(_FewLines(limits.log_lines_per_minute))
    logger = logging.getLogger(__package__)
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    # Broken TLS of strangers is no news.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


class _FewLines(logging.Filter):
    """Lets so many lines a minute into the log: strangers shall not fill the disk."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self._began = float("-inf")
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self._began > _MINUTE:
            self._began, self._count = now, 0
        self._count += 1
        if self._count == self._lines:
            record.msg, record.args = "%s (no more lines in this minute)", (record.getMessage(),)
        return self._count <= self._lines


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--socket", type=int, required=True, help="number of the open socket to serve on")
    add("--superlink", required=True, metavar="HOST:PORT")
    add("--parts", type=Path, required=True, help="socket of the process with the parts")
    add("--ca", type=Path, required=True, help="vouches for the SuperLink")
    add("--cert", type=Path, required=True, help="the gateway's certificate")
    add("--key", type=Path, required=True, help="the certificate's key")
    add("--keys", type=Path, required=True, help="keys.json")
    return parser.parse_args()
