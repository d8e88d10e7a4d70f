"""The contract with Flower: the site's line, against the real SuperLink of the pinned version."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict

from tests.runtime import demo
from tests.runtime.loading import importable
from tests.runtime.processes import wait_for


class Link:
    """A running SuperLink, with the server's end of it."""

    def __init__(self, process: Any, superlink: Any) -> None:
        self.address: str = process.address
        self.ca: Path = process.certificates.ca
        self.process = process
        self.superlink = superlink


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    built = tmp_path_factory.mktemp("fleet")
    demo.write_packages(demo.program(), built, name="line")
    with importable(built / "client", built / "server"):
        yield built


@contextmanager
def started(state: Path, address: str = "127.0.0.1:0") -> Iterator[Link]:
    from line_server.superlink import SuperLink  # type: ignore[import-not-found]
    from line_server.superlink_process import (  # type: ignore[import-not-found]
        superlink_process,
    )

    with superlink_process(address, state) as process:
        opened = SuperLink(process.address, process.certificates.ca, process.secret, process.alive)
        with closing(opened) as superlink:
            superlink.wait_until_ready(60)
            yield Link(process, superlink)


@pytest.fixture(scope="module")
def link(folder: Path) -> Iterator[Link]:
    with started(folder / "state") as running:
        yield running


@pytest.fixture
def fleet_module(folder: Path) -> Any:
    from line_client import fleet  # type: ignore[import-not-found]

    return fleet


def letter(node: int, size: int = 4) -> Message:
    weights = ArrayRecord({"w": Array(np.arange(size, dtype=np.float32))})
    return Message(RecordDict({"arrays": weights, "config": ConfigRecord({"a": 1})}), node, "train")


def pulled(fleet: Any) -> Message:
    found: list[Message] = []
    wait_for(lambda: found or ((message := fleet.receive()) and not found.append(message)))
    return found[0]


def answers(grid: Any, ids: Any) -> list[Message]:
    replies: list[Message] = []
    wait_for(lambda: replies.extend(grid.pull_messages(ids)) or replies)
    return replies


def test_a_message_goes_there_and_back_whole(link: Link, fleet_module: Any) -> None:
    size = 3_000_000
    with (
        link.superlink.run("line") as run,
        fleet_module.Fleet(link.address, link.ca, patience=10) as fleet,
    ):
        assert fleet.join() is None
        nodes = list(run.grid.get_node_ids())
        assert len(nodes) == 1
        assert fleet.receive() is None
        ids = run.grid.push_messages([letter(nodes[0], size)])
        message = pulled(fleet)
        np.testing.assert_array_equal(
            message.content["arrays"]["w"].numpy(), np.arange(size, dtype=np.float32)
        )
        doubled = ArrayRecord({"w": Array(2 * message.content["arrays"]["w"].numpy())})
        numbers = MetricRecord({"num-examples": 3})
        content = RecordDict({"arrays": doubled, "metrics": numbers})
        fleet.reply(Message(content, reply_to=message), 0.5)
        (reply,) = answers(run.grid, ids)
        np.testing.assert_array_equal(
            reply.content["arrays"]["w"].numpy(), 2 * np.arange(size, dtype=np.float32)
        )
        assert reply.metadata.src_node_id == nodes[0]
        assert fleet.is_running(message.metadata.run_id)
        run.completed = True
    assert link.superlink.wait_until_deserted(10) is None


def test_an_error_is_a_reply_too(link: Link, fleet_module: Any) -> None:
    with (
        link.superlink.run("line") as run,
        fleet_module.Fleet(link.address, link.ca, patience=10) as fleet,
    ):
        fleet.join()
        (node,) = run.grid.get_node_ids()
        ids = run.grid.push_messages([letter(node)])
        fleet.reply(Message(Error(101, "KeyError in train.py"), reply_to=pulled(fleet)), 0.1)
        (reply,) = answers(run.grid, ids)
        assert (reply.error.code, reply.error.reason) == (101, "KeyError in train.py")


def test_the_end_of_the_run_is_seen(link: Link, fleet_module: Any) -> None:
    with fleet_module.Fleet(link.address, link.ca, patience=10) as fleet:
        with link.superlink.run("line") as run:
            fleet.join()
            (node,) = run.grid.get_node_ids()
            run.grid.push_messages([letter(node)])
            message = pulled(fleet)
        assert not fleet.is_running(message.metadata.run_id)
        with pytest.raises(fleet_module.RunOver):
            fleet.reply(Message(RecordDict(), reply_to=message), 0.1)


def test_who_has_left_is_not_online_any_more(link: Link, fleet_module: Any) -> None:
    with link.superlink.run("line") as run:
        with fleet_module.Fleet(link.address, link.ca, patience=10) as fleet:
            fleet.join()
            assert len(list(run.grid.get_node_ids())) == 1
        assert list(run.grid.get_node_ids()) == []


def test_a_node_that_the_server_forgot_is_told_so(link: Link, fleet_module: Any) -> None:
    with fleet_module.Fleet(link.address, link.ca, patience=10) as fleet:
        fleet.join()
        with fleet_module.Fleet(link.address, link.ca, patience=10) as other:
            other.join()
            fleet._node = other._node
            with pytest.raises(fleet_module.UnknownHere):
                fleet.receive()
        fleet.join()
        assert fleet.receive() is None


def test_a_certificate_of_another_ca_is_refused(
    link: Link, fleet_module: Any, tmp_path: Path
) -> None:
    from line_server.certificates import ensure_certificates  # type: ignore[import-not-found]

    other = ensure_certificates(tmp_path / "pki").ca
    # At once: no patience would help.
    with (
        fleet_module.Fleet(link.address, other, patience=3600) as fleet,
        pytest.raises(fleet_module.FleetError, match="is not the federation's"),
    ):
        fleet.join()


def test_nobody_listens(link: Link, fleet_module: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with (
            fleet_module.Fleet(address, link.ca, patience=0.3) as fleet,
            pytest.raises(fleet_module.Unreachable, match=rf"no server at {address} within 0.3 s"),
        ):
            fleet.join()


def test_something_else_listens(link: Link, fleet_module: Any) -> None:
    with (
        serving(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")) as address,
        fleet_module.Fleet(address, link.ca, patience=3600) as fleet,
        pytest.raises(fleet_module.FleetError, match="does not speak TLS"),
    ):
        fleet.join()


def test_a_ca_file_that_is_none(link: Link, fleet_module: Any, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with (
        fleet_module.Fleet(link.address, tmp_path / "ca.pem", patience=1) as fleet,
        pytest.raises(fleet_module.FleetError, match="CA certificate cannot be read"),
    ):
        fleet.join()


def test_a_server_that_comes_back_is_found_and_joined_again(
    folder: Path, fleet_module: Any
) -> None:
    state = folder / "state-of-another"
    with started(state) as first:
        fleet = fleet_module.Fleet(first.address, first.ca, patience=120)
        fleet.join()
    told: list[object] = []

    def receive() -> None:
        try:
            told.append(fleet.receive())
        except fleet_module.FleetError as error:
            told.append(error)

    waiting = threading.Thread(target=receive)
    waiting.start()
    with fleet, started(state, first.address) as second:
        waiting.join(120)
        # It was tried until the server was there again, which knows nothing of before.
        assert [type(each) for each in told] == [fleet_module.UnknownHere]
        assert fleet.outages == 1
        fleet.join()
        with second.superlink.run("line") as run:
            (node,) = run.grid.get_node_ids()
            run.grid.push_messages([letter(node)])
            assert pulled(fleet).metadata.dst_node_id == node


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that answers each connection and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    answer(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
