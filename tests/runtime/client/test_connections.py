from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from types import ModuleType

import pytest

from .conftest import Installed


@pytest.fixture
def connections(installed: Installed) -> ModuleType:
    return installed.client.module("connections")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def connect(port: int, host: str = "127.0.0.1") -> None:
    socket.create_connection((host, port), timeout=10).close()


def test_only_what_is_named_is_reached(connections: ModuleType, listener: socket.socket) -> None:
    port = port_of(listener)
    with connections.only_to([f"127.0.0.1:{port}"]):
        connect(port)
        with pytest.raises(connections.ConnectionRefusedHere, match=r"connect to 127\.0\.0\.1:1:"):
            connect(1)
        with pytest.raises(connections.ConnectionRefusedHere, match=r"weights\.example"):
            connect(443, "weights.example")
        with pytest.raises(connections.ConnectionRefusedHere), socket.socket() as raw:
            raw.connect_ex(("192.0.2.1", 443))
        with (
            pytest.raises(connections.ConnectionRefusedHere),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw,
        ):
            raw.sendto(b"", ("192.0.2.1", 53))


def test_a_name_is_reached_by_its_numbers(connections: ModuleType, listener: socket.socket) -> None:
    port = port_of(listener)
    with connections.only_to([f"localhost:{port}"]):
        connect(port)
        connect(port, "localhost")
        with pytest.raises(connections.ConnectionRefusedHere):
            connect(port + 1 if port < 65535 else port - 1, "localhost")


def test_nothing_is_refused_outside_or_where_all_is_allowed(
    connections: ModuleType, listener: socket.socket
) -> None:
    with connections.only_to([]):
        with connections.only_to([], unless=True), pytest.raises(OSError) as caught:
            connect(port_of(listener))
        assert isinstance(caught.value, connections.ConnectionRefusedHere)
    connect(port_of(listener))
    with connections.only_to([], unless=True):
        connect(port_of(listener))


def test_sockets_within_this_machine_are_no_connections(connections: ModuleType) -> None:
    with connections.only_to([]):
        one, other = socket.socketpair()
        one.sendall(b"x")
        assert other.recv(1) == b"x"
        one.close()
        other.close()


def test_libraries_are_told_to_stay_offline(
    connections: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "0")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with connections.only_to([]):
        assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
    assert os.environ["TRANSFORMERS_OFFLINE"] == "0"
    assert "HF_HUB_OFFLINE" not in os.environ


def test_a_proxy_of_this_machine_is_reached(
    connections: ModuleType, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port_of(listener)}")
    with connections.only_to(["server.example:9092"]):
        connect(port_of(listener))
    with connections.only_to([]), pytest.raises(connections.ConnectionRefusedHere):
        connect(port_of(listener))
