"""The address that sites know: read it, and take its port before anything else is started."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager


class StartError(Exception):
    """The server cannot be started; the text says why, in one line, and what to do."""


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT; raises StartError."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise StartError(f"{address!r} is no address: write HOST:PORT, as in 127.0.0.1:9092")
    return "127.0.0.1" if host == "localhost" else host, int(port)


def join_address(host: str, port: int) -> str:
    """Return HOST:PORT."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_wildcard(host: str) -> bool:
    """Say whether ``host`` stands for all addresses of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


@contextmanager
def taken_port(host: str, port: int) -> Iterator[socket.socket]:
    """Bind a port, any free one for 0; nobody is listened to yet. Raises StartError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StartError(
            f"{host} is no address of this machine ({error.strerror}): choose another with "
            "--address"
        ) from error
    family, kind, protocol, _, place = found[0]
    with socket.socket(family, kind, protocol) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(place)
        except OSError as error:
            raise StartError(
                f"port {port} on {host} cannot be used ({error.strerror}): stop the program that "
                "has it, or choose another with --address"
            ) from error
        yield taken
