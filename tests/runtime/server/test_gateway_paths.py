"""What an admitted site may ask for, and nothing else, however it is spelt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runtime.server.conftest import Package
from tests.runtime.server.gateway_rig import PATH, Front, gateway, request

SERVED = (
    "activate-node",
    "deactivate-node",
    "send-node-heartbeat",
    "pull-messages",
    "push-messages",
    "get-run",
    "push-object",
    "pull-object",
    "confirm-message-received",
)

NOT_SERVED = (
    ("POST", "/v1/fleet/register-node"),
    ("POST", "/v1/fleet/unregister-node"),
    ("POST", "/v1/fleet/get-fab"),
    ("POST", "/v1/fleet/"),
    ("POST", "/v1/control/start-run"),
    ("POST", "/v1/control/list-runs"),
    ("POST", "/v1/control/register-node"),
    ("POST", "/v1/runtime/acquire-task"),
    ("POST", "/v1/runtime/push-messages"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/health"),
    ("GET", "/"),
    ("OPTIONS", "*"),
    ("GET", PATH),
    ("PUT", PATH),
    ("post", PATH),
    ("OPTIONS", PATH),
    ("TRACE", PATH),
    ("CONNECT", "127.0.0.1:443"),
    ("POST", "/v1/fleet/../control/start-run"),
    ("POST", "/v1/fleet/pull-messages/../../control/start-run"),
    ("POST", "/v1/fleet/%2e%2e/control/start-run"),
    ("POST", "/v1/fleet/..%2fcontrol%2fstart-run"),
    ("POST", "/v1/fleet%2fpull-messages"),
    ("POST", "/v1/fleet/pull%2dmessages"),
    ("POST", "/%76%31/fleet/pull-messages"),
    ("POST", "/v1/fleet\\pull-messages"),
    ("POST", "/v1/fleet/./pull-messages"),
    ("POST", "//v1/fleet/pull-messages"),
    ("POST", "/v1//fleet/pull-messages"),
    ("POST", "/v1/fleet//pull-messages"),
    ("POST", "/v1/fleet/pull-messages/"),
    ("POST", "/V1/FLEET/PULL-MESSAGES"),
    ("POST", "/v1/fleet/pull-messages?"),
    ("POST", "/v1/fleet/pull-messages?a=/v1/control"),
    ("POST", "/v1/fleet/pull-messages#a"),
    ("POST", "/v1/fleet/pull-messages;a"),
    ("POST", "/v1/fleet/pull-messages%00"),
    ("POST", "/v1/fleet/pull-messages%0d%0aHost:evil"),
    ("POST", "v1/fleet/pull-messages"),
    ("POST", "https://localhost/v1/fleet/pull-messages"),
    ("POST", "https://localhost/v1/control/start-run"),
    ("POST", "http://127.0.0.1/v1/fleet/pull-messages"),
    ("POST", "//localhost/v1/fleet/pull-messages"),
)

NOT_HTTP = (
    ("POST", "/v1/fleet/pull-messages\x00"),
    ("POST", "/v1/fleet/pull-messages\t"),
    ("POST", "/v1/fleet/pull-messages "),
    ("POST", "/v1/fleet/pull-mess\xe4ges"),
    ("POST", " /v1/fleet/pull-messages"),
    ("POST", ""),
    ("", PATH),
)


PARTS = ("push-object", "pull-object")


@pytest.fixture(scope="module")
def front(server: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with gateway(server, tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_passed_yet(front: Front) -> None:
    front.superlink.passed.clear()
    front.parts.passed.clear()


@pytest.mark.parametrize("call", SERVED)
def test_a_call_of_a_site_passes(front: Front, call: str) -> None:
    reply = front.call(target=f"/v1/fleet/{call}", body=b"question")

    (passed,) = (front.parts if call in PARTS else front.superlink).passed
    assert len(front.superlink.passed + front.parts.passed) == 1
    assert (reply.status, reply.body) == (200, b"reply")
    assert (passed.line, passed.body) == (f"POST /v1/fleet/{call} HTTP/1.1", b"question")


@pytest.mark.parametrize(("method", "target"), NOT_SERVED)
def test_all_else_is_not_there(front: Front, method: str, target: str) -> None:
    reply = front.call(method=method, target=target)

    assert (reply.status, reply.body) == (404, b"")
    assert front.superlink.passed == front.parts.passed == []


@pytest.mark.parametrize(("method", "target"), NOT_HTTP)
def test_what_is_not_http_is_refused(front: Front, method: str, target: str) -> None:
    assert front.call(method=method, target=target).status == 400
    assert front.superlink.passed == []


def test_a_stranger_learns_no_more_than_a_site(front: Front) -> None:
    for method, target in NOT_SERVED:
        assert front.call({}, method=method, target=target).status == 404
    assert front.call({}).status == 401
    assert front.superlink.passed == []


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "HTTP/9", "http/1.1", ""])
def test_other_versions_of_http_are_refused(front: Front, version: str) -> None:
    assert front.call(version=version).status == 400
    assert front.superlink.passed == []


@pytest.mark.parametrize(
    "extra",
    [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Upgrade: TLS/1.3\r\n",
    ],
)
def test_upgrades_are_refused(front: Front, extra: str) -> None:
    assert front.call(extra=extra).status == 400
    assert front.call(method="GET", target="/", extra=extra).status == 404
    assert front.superlink.passed == []


def test_the_preface_of_http_2_is_refused(front: Front) -> None:
    assert front.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 400


def test_nothing_of_the_requests_own_spelling_travels(front: Front) -> None:
    signed = front.site.signed()
    front.call(
        signed,
        extra="Connection: keep-alive, flwr-signature\r\nX-Forwarded-For: 10.0.0.1\r\n"
        "Keep-Alive: timeout=5\r\nProxy-Authorization: Basic QQ==\r\nCookie: a=b\r\n"
        "flwr-superexec-ts: 1\r\nAuthorization: Bearer x\r\nAccept-Encoding: gzip\r\n",
    )

    (passed,) = front.superlink.passed
    host = passed.headers.pop("host")
    assert host.startswith("127.0.0.1:")
    assert passed.headers == {
        "content-type": "application/protobuf",
        "content-length": "3",
        **{name: value.lower() for name, value in signed.items()},
    }


@pytest.mark.parametrize("call", PARTS)
def test_with_a_part_goes_whose_it_is(front: Front, call: str) -> None:
    front.call(target=f"/v1/fleet/{call}", extra="Site: beta\r\nX-Site: beta\r\n")

    (passed,) = front.parts.passed
    assert passed.headers == {
        "host": "server",
        "site": "alpha",
        "content-type": "application/protobuf",
        "content-length": "3",
    }


def test_nothing_of_the_superlink_but_its_answer_comes_out(front: Front) -> None:
    reply = front.call()

    assert set(reply.headers) == {"date", "content-length", "content-type"}


def test_a_connection_serves_one_call_after_the_other(front: Front) -> None:
    with front.connect() as wire:
        for number in range(5):
            wire.send(request(front.site.signed(), body=b"%d" % number))
            assert wire.reply().body == b"reply"

    assert [passed.body for passed in front.superlink.passed] == [b"%d" % n for n in range(5)]
