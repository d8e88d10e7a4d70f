"""Requests that two readers could understand differently, that are too large, or too slow."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.server.conftest import Package
from tests.runtime.server.gateway_rig import OK, PATH, Front, gateway, head, request

INNER = b"POST /v1/control/start-run HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def front(server: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with gateway(server, tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture(autouse=True)
def _fresh(front: Front) -> None:
    for behind in (front.superlink, front.parts):
        behind.passed.clear()
        behind.reply = OK
        behind.hang_up = False


@pytest.mark.parametrize(
    ("lines", "length", "status"),
    [
        pytest.param("Transfer-Encoding: chunked\r\n", "3", 411, id="both framings"),
        pytest.param("Transfer-Encoding: chunked\r\n", None, 411, id="chunked"),
        pytest.param("Transfer-Encoding: xchunked\r\n", "3", 400, id="unknown coding"),
        pytest.param("Transfer-Encoding: identity\r\n", "3", 400, id="identity"),
        pytest.param("Transfer-Encoding: chunked, identity\r\n", "3", 400, id="two codings"),
        pytest.param("Transfer-Encoding : chunked\r\n", "3", 400, id="space before the colon"),
        pytest.param("Transfer-Encoding\r\n", "3", 400, id="no colon"),
        pytest.param("X: a\r\n Transfer-Encoding: chunked\r\n", "3", 400, id="folded"),
        pytest.param("X: a\nTransfer-Encoding: chunked\r\n", "3", 400, id="lone line feed"),
        pytest.param("X: a\nY: b\r\n c\r\n", "3", 400, id="line feed and fold"),
        pytest.param("X: a\rTransfer-Encoding: chunked\r\n", "3", 400, id="lone return"),
        pytest.param("X: a\x00b\r\n", "3", 400, id="nul"),
        pytest.param(": a\r\n", "3", 400, id="no name"),
        pytest.param("Content-Length: 4\r\n", "3", 400, id="two lengths"),
        pytest.param("Content-Length: 3\r\n", "3", 400, id="one length twice"),
        pytest.param("", "3, 4", 400, id="a list of lengths"),
        pytest.param("", "3,3", 400, id="a list of one length"),
        pytest.param("", "+3", 400, id="signed length"),
        pytest.param("", "-3", 400, id="negative length"),
        pytest.param("", "0x3", 400, id="hexadecimal length"),
        pytest.param("", "3 3", 400, id="two numbers"),
        pytest.param("", "9" * 30, 400, id="length of thirty digits"),
        pytest.param("", None, 411, id="no length"),
        pytest.param("Host: b\r\n", "3", 400, id="two hosts"),
        pytest.param("flwr-timestamp: 1\r\n", "3", 400, id="two time stamps"),
        pytest.param("Expect: 100-continue\r\n", "3", 417, id="expect"),
        pytest.param("Content-Encoding: gzip\r\n", "3", 415, id="coded"),
        pytest.param("Trailer: X\r\n", "3", 400, id="trailer"),
    ],
)
def test_a_doubtful_head_is_refused(
    front: Front, lines: str, length: str | None, status: int
) -> None:
    reply = front.ask(head(front, lines, length=length) + b"0\r\n\r\n" + INNER)

    assert (reply.status, reply.body) == (status, b"")
    assert reply.headers["connection"] == "close"
    assert front.superlink.passed == []


def test_a_body_in_another_format_is_refused(front: Front) -> None:
    raw = request(front.site.signed()).replace(b"application/protobuf", b"application/json")

    assert front.ask(raw).status == 415
    assert front.superlink.passed == []


def test_a_request_behind_a_body_is_a_request_like_any_other(front: Front) -> None:
    with front.connect() as wire:
        wire.send(request(front.site.signed()) + INNER)
        first, second = wire.reply(), wire.reply()
        assert wire.ends()

    assert (first.status, second.status) == (200, 404)
    assert [passed.body for passed in front.superlink.passed] == [b"ask"]


def test_a_request_inside_a_body_is_a_body(front: Front) -> None:
    front.call(body=INNER)

    assert [passed.body for passed in front.superlink.passed] == [INNER]


def test_garbage_is_refused(front: Front) -> None:
    for garbage in (b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"{}\r\n\r\n", b"\r\n" + INNER):
        assert front.ask(garbage).status == 400


def test_plain_http_gets_no_answer(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.port), 20) as sock:
        sock.sendall(request(front.site.signed()))
        received = sock.recv(1000)

    assert not received.startswith(b"HTTP")
    assert front.superlink.passed == []


@pytest.mark.parametrize("lines", ["X: " + "a" * 17_000, "X: a\r\n" * 3_000])
def test_a_long_head_is_refused(front: Front, lines: str) -> None:
    assert front.ask(head(front, lines + "\r\n")).status == 431
    assert front.superlink.passed == []


def test_a_head_without_end_is_refused(front: Front) -> None:
    with front.connect() as wire:
        for _ in range(64):
            wire.send(b"POST /" + b"a" * 65_536)
        assert wire.reply().status in (0, 431)
        assert wire.ends()


@pytest.mark.parametrize(
    ("call", "longest"),
    [
        ("pull-messages", 64 * 1024),
        ("push-messages", 8 * 1024 * 1024),
        ("push-object", 16 * 1024 * 1024),
    ],
)
def test_a_body_may_be_so_long_and_no_longer(front: Front, call: str, longest: int) -> None:
    target = f"/v1/fleet/{call}"
    too_long = head(front, "", length=str(longest + 1)).replace(PATH.encode(), target.encode())
    body = bytes(longest)

    # Refused by what the head says: nothing of the body is waited for.
    assert front.ask(too_long).status == 413
    assert front.superlink.passed == front.parts.passed == []
    assert front.call(target=target, body=body).status == 200
    assert (front.superlink.passed + front.parts.passed)[0].body == body


def test_a_body_is_passed_on_while_it_comes(front: Front) -> None:
    body = bytes(1024 * 1024)
    raw = request(front.site.signed(), target="/v1/fleet/push-object", body=body)
    front.parts.body_began.clear()
    with front.connect() as wire:
        wire.send(raw[: len(raw) // 2])
        assert front.parts.body_began.wait(20)
        assert front.parts.passed == []
        wire.send(raw[len(raw) // 2 :])
        assert wire.reply().status == 200

    assert front.parts.passed[0].body == body


def test_a_site_that_leaves_in_the_middle_of_a_body_leaves_no_request(front: Front) -> None:
    raw = request(front.site.signed(), target="/v1/fleet/push-object", body=bytes(300_000))
    front.parts.body_began.clear()
    with front.connect() as wire:
        wire.send(raw[:200_000])
        assert front.parts.body_began.wait(20)

    assert front.call(target="/v1/fleet/pull-object").status == 200
    assert [passed.body for passed in front.parts.passed] == [b"ask"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 412, 500, 503])
def test_of_an_error_only_the_status_comes_out(front: Front, status: int) -> None:
    front.superlink.reply = (
        f"HTTP/1.1 {status} Trace\r\nContent-Type: application/json\r\nX-Trace: secret\r\n"
        'Content-Length: 16\r\n\r\n{"at": "secret"}'
    ).encode()
    reply = front.call()

    assert (reply.status, reply.body) == (status, b"")
    assert set(reply.headers) == {"date", "content-length"}
    assert front.call().status == status


def test_a_site_that_is_early_may_try_again(front: Front) -> None:
    front.superlink.reply = b"HTTP/1.1 412 x\r\nContent-Length: 0\r\n\r\n"

    assert front.call(target="/v1/fleet/activate-node").status == 503
    assert front.call(target="/v1/fleet/deactivate-node").status == 412


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(None, id="hangs up"),
        pytest.param(b"220 mail\r\n\r\n", id="not HTTP"),
        pytest.param(b"HTTP/1.1 307 x\r\nLocation: /docs\r\nContent-Length: 0\r\n\r\n", id="307"),
        pytest.param(b"HTTP/1.1 101 x\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n", id="101"),
        pytest.param(
            b"HTTP/1.1 200 x\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx", id="page"
        ),
        pytest.param(b"HTTP/1.1 200 x\r\nContent-Type: application/protobuf\r\n\r\n", id="endless"),
    ],
)
def test_a_superlink_that_answers_strangely_is_a_bad_gateway(
    front: Front, reply: bytes | None
) -> None:
    front.superlink.reply = reply

    assert front.call().status == 502


def test_half_an_answer_is_not_passed_off_as_a_whole_one(front: Front) -> None:
    front.superlink.reply = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\nContent-Length: 9\r\n\r\nhalf"
    )
    front.superlink.hang_up = True

    assert front.call().status == 0


def test_without_a_superlink_the_gateway_says_so(server: Package, tmp_path: Path) -> None:
    with gateway(server, tmp_path, superlink_connect_seconds=2.0) as front:
        front.run(front.superlink.stop)
        assert front.call().status == 502
        assert front.call(target="/v1/fleet/pull-object").status == 200


def test_without_a_server_behind_it_the_gateway_says_so(server: Package, tmp_path: Path) -> None:
    with gateway(server, tmp_path, superlink_connect_seconds=2.0) as front:
        front.run(front.parts.stop)
        assert front.call(target="/v1/fleet/pull-object").status == 502
        assert front.call().status == 200
