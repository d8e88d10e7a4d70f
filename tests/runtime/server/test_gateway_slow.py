"""Connections that are held, and requests that trickle: each has its time, and its place."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.server.conftest import Package
from tests.runtime.server.gateway_rig import OK, Front, Wire, gateway, head, request


@pytest.fixture(scope="module")
def strict(server: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    limits = {
        "handshake_seconds": 0.5,
        "head_seconds": 0.5,
        "idle_seconds": 0.5,
        "stall_seconds": 0.5,
        "least_bytes_per_second": 1_000_000,
        "superlink_answer_seconds": 0.5,
        "linger_seconds": 0.2,
    }
    with gateway(server, tmp_path_factory.mktemp("strict"), **limits) as made:
        yield made


def test_no_tls(strict: Front) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), 20) as sock:
        assert sock.recv(1) == b""


def test_no_request(strict: Front) -> None:
    with strict.connect() as wire:
        assert wire.ends()


def test_no_second_request(strict: Front) -> None:
    with strict.connect() as wire:
        wire.send(request(strict.site.signed()))
        assert wire.reply().status == 200
        assert wire.ends()


def test_a_head_in_drops(strict: Front) -> None:
    assert trickle(strict, request(strict.site.signed()), 1)


def test_a_body_that_stops(strict: Front) -> None:
    with strict.connect() as wire:
        wire.send(head(strict, "", length="1000"))
        assert wire.reply().status == 0


def test_a_body_in_drops(strict: Front) -> None:
    begin = head(strict, "", length="60000")
    assert trickle(strict, begin + bytes(60_000), 10, at_once=len(begin))


def test_an_answer_that_nobody_reads(strict: Front) -> None:
    strict.superlink.reply = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\n"
        b"Content-Length: 50000000\r\n\r\n" + bytes(50_000_000)
    )
    try:
        with strict.connect() as wire:
            wire.send(request(strict.site.signed()))
            assert strict.superlink.answered.wait(20)
            # As long as three heads may take: an answer may stall for as long as one.
            for _ in range(3):
                with strict.connect() as other:
                    assert other.ends()
            assert wire.reply().status == 0
    finally:
        strict.superlink.reply = OK


def test_a_superlink_that_does_not_answer(strict: Front) -> None:
    strict.superlink.reply = b""
    try:
        assert strict.call().status == 504
    finally:
        strict.superlink.reply = OK


def trickle(front: Front, data: bytes, step: int, *, at_once: int = 0) -> bool:
    """Send ``data`` in steps; say whether the gateway hung up before the end without an answer."""
    with front.connect() as wire:
        wire.send(data[:at_once])
        wire.sock.settimeout(0.05)
        for start in range(at_once, len(data), step):
            try:
                wire.sock.sendall(data[start : start + step])
                return wire.sock.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                return True
    return False


def test_strangers_give_way_to_each_other(server: Package, tmp_path: Path) -> None:
    with gateway(server, tmp_path, strangers=4, head_seconds=3600.0) as front:
        silent = [front.connect() for _ in range(10)]
        # The first six were put out; a site gets in among the others.
        assert all(wire.ends() for wire in silent[:6])
        assert front.call().status == 200
        for wire in silent:
            wire.sock.close()


def test_a_site_has_so_many_connections_and_no_more(server: Package, tmp_path: Path) -> None:
    with gateway(server, tmp_path, connections_per_site=3) as front:
        wires = [open_wire(front) for _ in range(3)]
        assert front.call().status == 503
        wires[0].sock.close()
        assert eventually_served(front)
        for wire in wires:
            wire.sock.close()


def test_sites_together_have_so_many_connections(server: Package, tmp_path: Path) -> None:
    with gateway(server, tmp_path, connections=2) as front:
        wires = [open_wire(front) for _ in range(2)]
        assert front.call().status == 503
        for wire in wires:
            wire.sock.close()


def open_wire(front: Front) -> Wire:
    wire = front.connect()
    wire.send(request(front.site.signed()))
    assert wire.reply().status == 200
    return wire


def eventually_served(front: Front) -> bool:
    """The gateway hears of a closed connection a moment later."""
    return any(front.call().status == 200 for _ in range(100))
