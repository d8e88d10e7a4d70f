"""Which addresses this process may connect to; all others are refused as they are tried.

Python reports each connection and each look-up of a name that its code is about to make; a
report that is answered with an exception stops it. This holds for all Python code in this process
and in the processes that it forks. It does not hold for libraries that open connections by their
own C code, nor for other programs that the code starts: against those, let the machine's firewall
allow the server's address alone.
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

# What several libraries read before they download weights or data sets.
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
_LOOKED_UP = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
_CONNECTED = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class ConnectionRefusedHere(PermissionError):
    """This site does not let its code connect to an address."""


class _Allowed:
    """The HOST:PORTs that may be reached, and their numbers as far as they were looked up."""

    def __init__(self, endpoints: Collection[str]) -> None:
        self._ports: dict[str, set[int]] = {}
        for endpoint in endpoints:
            host, _, port = endpoint.rpartition(":")
            self._ports.setdefault(host.strip("[]").lower(), set()).add(int(port))
        self._numbers: dict[str, str] = {}

    def names(self, host: object) -> bool:
        text = host.decode() if isinstance(host, bytes) else str(host or "")
        return not text or _is_number(text) or text.lower() in self._ports

    def reaches(self, host: str, port: int) -> bool:
        if port in self._ports.get(host.lower(), ()):
            return True
        if host not in self._numbers:
            self._look_up()
        return port in self._ports.get(self._numbers.get(host, ""), ())

    def _look_up(self) -> None:
        for name in self._ports:
            try:
                for *_, address in socket.getaddrinfo(name, None):
                    self._numbers[str(address[0])] = name
            except OSError:
                continue


_now: _Allowed | None = None
_watching = False


@contextmanager
def only_to(endpoints: Collection[str], *, unless: bool = False) -> Iterator[None]:
    """Refuse all connections but those to ``endpoints``, each HOST:PORT, or to a proxy in use.

    Refused ones raise ConnectionRefusedHere where they are tried. With ``unless``, none is.
    """
    if unless:
        yield
        return
    global _now, _watching  # noqa: PLW0603 - a hook cannot be taken out again, only be idle
    before = _now, {name: os.environ.get(name) for name in _OFFLINE}
    if not _watching:
        sys.addaudithook(_hook)
        _watching = True
    os.environ.update(dict.fromkeys(_OFFLINE, "1"))
    _now = _Allowed([*endpoints, *(proxies() if endpoints else ())])
    try:
        yield
    finally:
        _now = before[0]
        for name, value in before[1].items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def proxies() -> list[str]:
    """Return HOST:PORT of the proxy that this machine's settings name for HTTPS."""
    known = urllib.request.getproxies()
    parts = [urllib.parse.urlsplit(known[key]) for key in ("https", "all") if key in known]
    return [f"{part.hostname}:{part.port}" for part in parts if part.hostname and part.port]


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _now is None:
        return
    if event in _LOOKED_UP and not _now.names(arguments[0]):
        _refuse(str(arguments[0]))
    if event in _CONNECTED:
        address = arguments[1]
        # Names of files are sockets of this machine, by which workers of one process talk.
        if isinstance(address, tuple) and not _now.reaches(str(address[0]), int(address[1])):
            _refuse(f"{address[0]}:{address[1]}")


def _refuse(target: str) -> None:
    raise ConnectionRefusedHere(
        f"this site does not let its code connect to {target}: see `policy` in its site.yaml"
    )


def _is_number(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False
