"""What becomes of messages when the line breaks, or nobody is at its other end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any

import httpx
import pytest
from flwr.app import Message, MetricRecord, RecordDict

from tests.runtime.client.fleet.link import Link, answers, letter, pulled, serving


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
