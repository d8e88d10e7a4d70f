"""The contract with Flower: the site's line, against the real SuperLink of the pinned version."""

from __future__ import annotations

import contextlib
import itertools
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict

from tests.runtime import demo
from tests.runtime.loading import importable
from tests.runtime.processes import wait_for

_numbers = itertools.count(1)


class Link:
    """A running SuperLink behind its gateway, with the server's end of it."""

    def __init__(self, address: str, process: Any, superlink: Any, front: Any, state: Path) -> None:
        self.address = address
        self.ca: Path = process.certificates.ca
        self.superlink = superlink
        self.front = front
        self._state = state

    def admittance(self, *, admitted: bool = True) -> Any:
        """A new site with a key of its own."""
        from line_client.admittance import Admittance  # type: ignore[import-not-found]
        from line_client.identity import ensure_identity  # type: ignore[import-not-found]

        site = f"site-{next(_numbers)}"
        folder = self._state / "sites" / site
        made = Admittance(ensure_identity(folder), folder)
        if admitted:
            self.admit(site, made)
        return made

    def admit(self, site: str, admittance: Any) -> None:
        from line_server.admission import admit_key  # type: ignore[import-not-found]
        from line_server.site_keys import openssh_line  # type: ignore[import-not-found]

        admit_key(site, openssh_line(admittance.identity.public), self._state)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    built = tmp_path_factory.mktemp("fleet")
    demo.write_packages(demo.program(), built, name="line")
    with importable(built / "client", built / "server"):
        yield built


@contextmanager
def started(state: Path, address: str = "127.0.0.1:0") -> Iterator[Link]:
    from line_server.addresses import (  # type: ignore[import-not-found]
        parse_address,
        taken_port,
    )
    from line_server.front import open_to_sites  # type: ignore[import-not-found]
    from line_server.superlink import SuperLink  # type: ignore[import-not-found]
    from line_server.superlink_process import (  # type: ignore[import-not-found]
        superlink_process,
    )

    with (
        taken_port(*parse_address(address)) as public,
        superlink_process("127.0.0.1:0", state) as process,
        closing(
            SuperLink(process.address, process.certificates.ca, process.secret, process.alive)
        ) as superlink,
    ):
        superlink.wait_until_ready(60)
        with open_to_sites(public, process, state) as front:
            reached = f"127.0.0.1:{public.getsockname()[1]}"
            yield Link(reached, process, superlink, front, state)


@pytest.fixture(scope="module")
def link(folder: Path) -> Iterator[Link]:
    with started(folder / "state") as running:
        yield running


@pytest.fixture
def fleet_module(folder: Path) -> Any:
    from line_client import fleet, fleet_line  # type: ignore[import-not-found]

    return SimpleNamespace(**{**vars(fleet_line), "Fleet": fleet.Fleet})


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
    from line_client.wire import unpack  # type: ignore[import-not-found]

    size = 3_000_000
    with (
        link.superlink.run("line", link.front) as run,
        fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet,
    ):
        assert fleet.join() is None
        nodes = list(run.grid.get_node_ids())
        assert len(nodes) == 1
        assert fleet.receive() is None
        ids = run.grid.push_messages([letter(nodes[0], size)])
        message = pulled(fleet)
        # Arrays travel as one; it is the client app that takes them apart.
        got = unpack(message.content["arrays"])["w"].numpy()
        np.testing.assert_array_equal(got, np.arange(size, dtype=np.float32))
        doubled = ArrayRecord({"w": Array(2 * got)})
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


def test_lost_answers_cost_no_message(
    link: Link, fleet_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    def losing(api: Any, name: str) -> None:
        """Let the first answer to a kind of request get lost, when it has been worked on."""
        ask = getattr(api, name)

        def answer(request: Any) -> Any:
            found = ask(request)
            if name in lost or (name == "PullMessages" and not found.messages_list):
                return found
            lost.append(name)
            raise httpx.ReadTimeout("the answer is lost")

        monkeypatch.setattr(api, name, answer)

    with (
        link.superlink.run("line", link.front) as run,
        fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet,
    ):
        fleet.join()
        (node,) = run.grid.get_node_ids()
        sent = letter(node)
        run.grid.push_messages([sent])
        for name in ("PullMessages", "PushMessages", "PushObject"):
            losing(fleet._line.client, name)
        assert fleet.receive() is None
        assert lost == ["PullMessages"]
        # The site joined anew, and the server sends again what such a site has not answered.
        (node,) = run.grid.get_node_ids()
        for name in ("PushMessages", "PushObject"):
            losing(fleet._line.client, name)
        ids = run.grid.push_messages([letter(node)])
        content = RecordDict({"metrics": MetricRecord({"num-examples": 3})})
        fleet.reply(Message(content, reply_to=pulled(fleet)), 0.5)
        (reply,) = answers(run.grid, ids)
        assert reply.content["metrics"]["num-examples"] == 3
        assert lost == ["PullMessages", "PushMessages", "PushObject"]


def test_signs_of_life_do_not_keep_a_site_from_joining_again(
    link: Link, fleet_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from line_client import fleet as module

    # So often that one would come between the sign-off of the former node and the next one.
    monkeypatch.setattr(module, "HEARTBEAT_EVERY", 0.01)
    with (
        link.superlink.run("line", link.front) as run,
        fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=15) as fleet,
    ):
        for _ in range(2):
            fleet.join()
        assert len(list(run.grid.get_node_ids())) == 1


def test_an_error_is_a_reply_too(link: Link, fleet_module: Any) -> None:
    with (
        link.superlink.run("line", link.front) as run,
        fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet,
    ):
        fleet.join()
        (node,) = run.grid.get_node_ids()
        ids = run.grid.push_messages([letter(node)])
        fleet.reply(Message(Error(101, "KeyError in train.py"), reply_to=pulled(fleet)), 0.1)
        (reply,) = answers(run.grid, ids)
        assert (reply.error.code, reply.error.reason) == (101, "KeyError in train.py")


def test_the_end_of_the_run_is_seen(link: Link, fleet_module: Any) -> None:
    with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet:
        with link.superlink.run("line", link.front) as run:
            fleet.join()
            (node,) = run.grid.get_node_ids()
            run.grid.push_messages([letter(node)])
            message = pulled(fleet)
        assert not fleet.is_running(message.metadata.run_id)
        with pytest.raises(fleet_module.RunOver):
            fleet.reply(Message(RecordDict(), reply_to=message), 0.1)


def test_who_has_left_is_not_online_any_more(link: Link, fleet_module: Any) -> None:
    with link.superlink.run("line", link.front) as run:
        with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet:
            fleet.join()
            assert len(list(run.grid.get_node_ids())) == 1
        assert list(run.grid.get_node_ids()) == []


def test_a_node_that_the_server_forgot_is_told_so(link: Link, fleet_module: Any) -> None:
    with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet:
        fleet.join()
        with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as other:
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
        fleet_module.Fleet(link.address, other, link.admittance(), patience=3600) as fleet,
        pytest.raises(fleet_module.FleetError, match="is not the federation's"),
    ):
        fleet.join()


def test_a_certificate_that_has_expired_is_said(
    link: Link, fleet_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_client: Any, _request: Any) -> None:
        raise httpx.ConnectError(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired"
        )

    monkeypatch.setattr(fleet_module.FleetHttpClient, "ActivateNode", refuse)
    with (
        fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=3600) as fleet,
        pytest.raises(
            fleet_module.FleetError, match="is not valid now: check this machine's clock"
        ),
    ):
        fleet.join()


@contextmanager
def dated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, made: timedelta, clock: timedelta
) -> Iterator[tuple[str, Path]]:
    """A server whose certificate was made ``made`` from now, and its clock is off by ``clock``."""
    from line_server import certificates  # type: ignore[import-not-found]

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + made

    monkeypatch.setattr(certificates, "datetime", Then)
    paths = certificates.ensure_certificates(folder)
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted.load_cert_chain(paths.server, paths.key)
    date = format_datetime(datetime.now(UTC) + clock, usegmt=True)
    answer = f"HTTP/1.1 404 Not Found\r\ndate: {date}\r\ncontent-length: 0\r\n\r\n"

    def speak(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), trusted.wrap_socket(connection, True) as line:
            line.recv(10_000)
            line.sendall(answer.encode())

    with serving(speak) as address:
        yield address, paths.ca


@pytest.mark.parametrize(("hours", "side"), [(5, "behind"), (-24 * 900, "ahead of")])
def test_a_clock_to_which_the_certificate_is_not_valid_is_said_and_may_be_set(
    link: Link,
    fleet_module: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    hours: int,
    side: str,
) -> None:
    caplog.set_level(logging.INFO)
    off = timedelta(hours=hours)
    why = f"this machine's clock is {'5 h' if hours == 5 else '900 days'} {side} the server's"
    with (
        dated(tmp_path, monkeypatch, made=off, clock=off) as (address, ca),
        fleet_module.Fleet(address, ca, link.admittance(), patience=1) as fleet,
        pytest.raises(fleet_module.FleetError) as caught,
    ):
        fleet.join()
    assert str(caught.value) == f"{address} does not let this site in: {why}: set it right"
    assert caplog.messages.count(f"{address} does not let this site in yet: {why}: set it right")


def test_a_certificate_that_has_run_out_is_not_a_matter_of_the_clock(
    link: Link, fleet_module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        dated(tmp_path, monkeypatch, made=timedelta(days=-900), clock=timedelta()) as (address, ca),
        fleet_module.Fleet(address, ca, link.admittance(), patience=3600) as fleet,
        pytest.raises(fleet_module.FleetError, match="to start the server anew"),
    ):
        fleet.join()


def test_the_check_tells_a_wrong_clock_from_a_certificate_of_another(
    link: Link, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from line_client.reach import check_server  # type: ignore[import-not-found]

    off = timedelta(hours=5)
    with dated(tmp_path, monkeypatch, made=off, clock=off) as (address, ca):
        found = list(check_server(SimpleNamespace(address=address, ca=ca)))
        other = list(check_server(SimpleNamespace(address=address, ca=link.ca)))
    assert [(f.check, f.result) for f in found] == [
        ("server", f"the certificate of {address} is not valid at the time that it is here"),
        ("clock", "5 h behind the server's"),
    ]
    assert [f.result for f in other] == [f"the certificate of {address} is not the federation's"]


def test_a_line_that_is_cut_as_it_begins_is_tried_again(link: Link, fleet_module: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as cutting:
        address = f"127.0.0.1:{cutting.getsockname()[1]}"

        def cut() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, _ = cutting.accept()
                    line.recv(100_000)
                    line.close()

        thread = threading.Thread(target=cut, daemon=True)
        thread.start()
        with (
            fleet_module.Fleet(address, link.ca, link.admittance(), patience=0.3) as fleet,
            pytest.raises(fleet_module.Unreachable, match=r"EOF|reset"),
        ):
            fleet.join()
        cutting.shutdown(socket.SHUT_RDWR)
        thread.join(60)


def test_a_request_in_which_this_machine_stood_still_is_made_again(
    link: Link, fleet_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=0.5) as fleet:
        fleet.join()
        whole, failures = httpx.HTTPTransport.handle_request, [1]

        def stands_still(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("pull-messages") and failures:
                failures.clear()
                time.sleep(1)
                raise httpx.ReadError("the line was cut meanwhile", request=request)
            return whole(transport, request)

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", stands_still)
        assert fleet.receive() is None
        assert failures == []


def test_nobody_listens(link: Link, fleet_module: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with (
            fleet_module.Fleet(address, link.ca, link.admittance(), patience=0.3) as fleet,
            pytest.raises(fleet_module.Unreachable, match=rf"no server at {address} within 0.3 s"),
        ):
            fleet.join()


def speaks_plainly(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


def test_something_else_listens(link: Link, fleet_module: Any) -> None:
    with (
        serving(speaks_plainly) as address,
        fleet_module.Fleet(address, link.ca, link.admittance(), patience=3600) as fleet,
        pytest.raises(fleet_module.FleetError, match="does not speak TLS"),
    ):
        fleet.join()


def test_a_ca_file_that_is_none(link: Link, fleet_module: Any, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with (
        fleet_module.Fleet(
            link.address, tmp_path / "ca.pem", link.admittance(), patience=1
        ) as fleet,
        pytest.raises(fleet_module.FleetError, match="CA certificate cannot be read"),
    ):
        fleet.join()


def test_a_server_that_comes_back_is_found_and_joined_again(
    folder: Path, fleet_module: Any
) -> None:
    state = folder / "state-of-another"
    with started(state) as first:
        fleet = fleet_module.Fleet(first.address, first.ca, first.admittance(), patience=60)
        fleet.join()
    told: list[BaseException] = []

    def wait() -> None:
        try:
            fleet.receive()
        except fleet_module.UnknownHere as error:
            told.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    with fleet, started(state, first.address):
        waiting.join(60)
        assert len(told) == 1
        fleet.join()
        assert fleet.receive() is None


def test_a_key_that_is_not_admitted_is_told_what_to_do(link: Link, fleet_module: Any) -> None:
    admittance = link.admittance(admitted=False)
    fingerprint = admittance.identity.fingerprint
    with (
        fleet_module.Fleet(link.address, link.ca, admittance, patience=0.1) as fleet,
        pytest.raises(fleet_module.FleetError, match=r"is not admitted there: give .*json") as told,
    ):
        fleet.join()
    assert fingerprint in str(told.value)


def test_a_site_waits_to_be_admitted(
    link: Link, fleet_module: Any, caplog: pytest.LogCaptureFixture
) -> None:
    admittance = link.admittance(admitted=False)
    caplog.set_level(logging.INFO, "line_client")
    with fleet_module.Fleet(link.address, link.ca, admittance, patience=60) as fleet:
        joining = threading.Thread(target=fleet.join)
        joining.start()
        wait_for(lambda: "does not let this site in yet" in caplog.text)
        link.admit("late", admittance)
        joining.join(60)
        assert not joining.is_alive()
        assert fleet.receive() is None
    assert caplog.text.count("does not let this site in yet") == 1


def test_a_site_that_broke_off_comes_back_at_once(link: Link, fleet_module: Any) -> None:
    admittance = link.admittance()
    # The heartbeats of a process that was killed stop; the server hears nothing else of it.
    broken = fleet_module.Fleet(link.address, link.ca, admittance, patience=10)
    with link.superlink.run("line", link.front) as run:
        broken.join()
        broken._line.leaving.set()
        (node,) = run.grid.get_node_ids()
        ids = run.grid.push_messages([letter(node)])
        pulled(broken)
        replies: list[Message] = []
        with fleet_module.Fleet(link.address, link.ca, admittance, patience=60) as fleet:
            joining = threading.Thread(target=fleet.join)
            joining.start()
            # Who waits for the answer is told that there will be none.
            wait_for(lambda: replies.extend(run.grid.pull_messages(ids)) or replies)
            joining.join(60)
            assert list(run.grid.get_node_ids()) == [node]
        assert replies[0].has_error()
    assert admittance.former_node() is None


def test_a_site_that_signs_off_leaves_no_trace(link: Link, fleet_module: Any) -> None:
    admittance = link.admittance()
    with fleet_module.Fleet(link.address, link.ca, admittance, patience=10) as fleet:
        fleet.join()
        assert admittance.former_node() is not None
    assert admittance.former_node() is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (90, "this machine's clock is 90 s behind the server's: set it right"),
        (-600, "this machine's clock is 10 min ahead of the server's: set it right"),
        (5 * 3600, "this machine's clock is 5 h behind the server's: set it right"),
        (-300 * 86400, "this machine's clock is 300 days ahead of the server's: set it right"),
        (2, "is not admitted there"),
    ],
)
def test_a_clock_that_is_wrong_is_said(link: Link, seconds: int, said: str) -> None:
    there = datetime.now(UTC) + timedelta(seconds=seconds)
    refusal = httpx.Response(401, headers={"date": format_datetime(there, usegmt=True)})
    why = link.admittance().why_not(refusal)
    assert said in re.sub(r"\b(89|91) s", "90 s", why)


def test_no_clock_is_no_reason(link: Link) -> None:
    for headers in ({}, {"date": "now"}):
        assert "is not admitted" in link.admittance().why_not(httpx.Response(401, headers=headers))


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
                    answer(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
