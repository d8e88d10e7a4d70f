"""Whose calls pass: an admitted key's, signed just now, each signature once."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from tests.runtime.server.conftest import Package
from tests.runtime.server.gateway_rig import Front, Site, gateway, request

# The order of the group of P-384 (SEC 2, section 2.5.1).
ORDER = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    16,
)


@pytest.fixture(scope="module")
def front(server: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with gateway(server, tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_passed_yet(front: Front) -> None:
    front.superlink.passed.clear()


def stamped(front: Front, **ago: float) -> dict[str, str]:
    return front.site.signed((datetime.now(UTC) - timedelta(**ago)).isoformat())


def without(name: str) -> Callable[[Front], dict[str, str]]:
    return lambda front: {k: v for k, v in front.site.signed().items() if k != name}


def changed(**headers: str) -> Callable[[Front], dict[str, str]]:
    named = {f"flwr-{name.replace('_', '-')}": value for name, value in headers.items()}
    return lambda front: {**front.site.signed(), **named}


def other_key(front: Front) -> dict[str, str]:
    """The key of a site, and a signature of somebody else."""
    stranger = Site(front.server).signed()
    return {**stranger, "flwr-public-key": front.site.signed()["flwr-public-key"]}


def respelt_key(front: Front) -> dict[str, str]:
    """The same key, in another of the spellings that would load as well."""
    spelt = b64encode(b"\n" + front.site.pem).decode()
    return {**front.site.signed(), "flwr-public-key": spelt}


def other_curve(front: Front) -> dict[str, str]:
    site = Site(front.server)
    site.private = ec.generate_private_key(ec.SECP256R1())
    site.pem = site.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return site.signed()


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(lambda front: {}, id="no signature"),
        pytest.param(lambda front: Site(front.server).signed(), id="a key that is not admitted"),
        pytest.param(other_curve, id="a key of another curve"),
        pytest.param(other_key, id="another's signature"),
        pytest.param(respelt_key, id="the key in another spelling"),
        pytest.param(without("flwr-public-key"), id="no key"),
        pytest.param(without("flwr-timestamp"), id="no time stamp"),
        pytest.param(without("flwr-signature"), id="no signature of the time stamp"),
        pytest.param(changed(public_key="!"), id="a key that is not base64"),
        pytest.param(changed(signature="AAAA"), id="a signature that is none"),
        pytest.param(changed(signature=""), id="an empty signature"),
        pytest.param(changed(timestamp=datetime.now(UTC).isoformat()), id="another time"),
        pytest.param(lambda front: stamped(front, seconds=310), id="too old"),
        pytest.param(lambda front: stamped(front, seconds=-30), id="ahead"),
        pytest.param(lambda front: stamped(front, seconds=60), id="from before the start"),
        pytest.param(lambda front: front.site.signed("now"), id="no time"),
        pytest.param(
            lambda front: front.site.signed(datetime.now().isoformat()), id="no time zone"
        ),
        pytest.param(lambda front: front.site.signed("9" * 1000), id="a very long time"),
    ],
)
def test_who_is_not_let_in(front: Front, headers: Callable[[Front], dict[str, str]]) -> None:
    reply = front.call(headers(front))

    assert (reply.status, reply.body) == (401, b"")
    assert front.superlink.passed == []


def test_a_signature_is_good_once(front: Front) -> None:
    signed = front.site.signed()

    assert [front.call(signed).status for _ in range(3)] == [200, 401, 401]
    assert front.call(signed, target="/v1/fleet/push-object").status == 401
    assert len(front.superlink.passed) == 1


def test_nor_is_its_twin(front: Front) -> None:
    # With (r, s), (r, -s) is a good signature too, which needs no private key to make.
    signed = front.site.signed()
    r, s = decode_dss_signature(b64decode(signed["flwr-signature"]))
    twin = b64encode(encode_dss_signature(r, ORDER - s)).decode()

    assert front.call(signed).status == 200
    assert front.call({**signed, "flwr-signature": twin}).status == 401


def test_two_signatures_of_one_moment_are_two(front: Front) -> None:
    stamp = datetime.now(UTC).isoformat()

    assert [front.call(front.site.signed(stamp)).status for _ in range(2)] == [200, 200]


def test_a_request_that_failed_is_not_good_again(front: Front) -> None:
    signed = front.site.signed()
    front.superlink.reply, ok = None, front.superlink.reply
    try:
        assert front.call(signed).status == 502
    finally:
        front.superlink.reply = ok

    assert front.call(signed).status == 401


def test_a_site_is_let_in_and_out_while_the_gateway_runs(front: Front) -> None:
    beta = Site(front.server)
    assert front.call(beta.signed()).status == 401
    front.admit("beta", beta)
    with front.connect() as wire:
        wire.send(request(beta.signed()))
        assert wire.reply().status == 200
        front.revoke("beta")
        wire.send(request(beta.signed()))
        assert wire.reply().status == 401
        assert wire.ends()

    assert front.call(beta.signed()).status == 401
    assert front.call().status == 200


def test_a_site_that_is_revoked_in_the_middle_of_a_body_is_cut_off(front: Front) -> None:
    gamma = Site(front.server)
    front.admit("gamma", gamma)
    raw = request(gamma.signed(), target="/v1/fleet/push-object", body=bytes(400_000))
    front.parts.body_began.clear()
    with front.connect() as wire:
        wire.send(raw[:200_000])
        assert front.parts.body_began.wait(20)
        front.revoke("gamma")
        wire.send(raw[200_000:])
        assert wire.reply().status == 401

    assert front.parts.passed == []


def test_a_connection_stays_with_its_site(front: Front) -> None:
    delta = Site(front.server)
    front.admit("delta", delta)
    with front.connect() as wire:
        wire.send(request(front.site.signed()))
        assert wire.reply().status == 200
        wire.send(request(delta.signed()))
        assert wire.reply().status == 401


@pytest.mark.parametrize("content", ["", "{", "[]", '{"alpha": {}}', '{"../a": {}}', "null"])
def test_damaged_keys_let_nobody_in(front: Front, content: str) -> None:
    keys = front.state / "keys.json"
    good = keys.read_bytes()
    try:
        keys.write_text(content)
        assert front.call().status == 401
        keys.unlink()
        assert front.call().status == 401
    finally:
        keys.write_bytes(good)
        keys.chmod(0o600)

    assert front.call().status == 200


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_keys_that_others_can_write_let_nobody_in(front: Front, mode: int) -> None:
    keys = front.state / "keys.json"
    try:
        keys.chmod(mode)
        assert front.call().status == 401
    finally:
        keys.chmod(0o600)

    assert front.call().status == 200


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class TestWindow:
    """What the gateway remembers, by a clock of ours."""

    @staticmethod
    def callers(front: Front, clock: Clock, **limits: Any) -> Any:
        server = front.server
        keyring = server.keyring.Keyring(front.state / "keys.json")
        bounds = server.gateway_limits.Limits(**limits)
        return server.gateway_callers.Callers(keyring, bounds, clock)

    @staticmethod
    def headers(front: Front, at: float) -> dict[bytes, bytes]:
        signed = front.site.signed(datetime.fromtimestamp(at, UTC).isoformat())
        return {name.encode(): value.encode() for name, value in signed.items()}

    @pytest.mark.parametrize("ahead", [-4.0, 0.0, 4.9])
    @pytest.mark.parametrize("step", [0.3, 7.0, 150.0])
    def test_a_signature_is_remembered_as_long_as_it_is_good(
        self, front: Front, ahead: float, step: float
    ) -> None:
        clock = Clock()
        callers = self.callers(front, clock)
        good = self.headers(front, clock.now + ahead)
        callers.identify(good)
        end = clock.now + 320
        while clock.now < end:
            clock.now += step
            callers.identify(self.headers(front, clock.now))
            with pytest.raises(front.server.gateway_callers.NotLetIn):
                callers.identify(good)

    def test_and_no_longer(self, front: Front) -> None:
        clock = Clock()
        callers = self.callers(front, clock, signatures_per_site=10)
        for _ in range(30):
            callers.identify(self.headers(front, clock.now))
            clock.now += 40

    def test_more_than_can_be_remembered_is_refused(self, front: Front) -> None:
        clock = Clock()
        callers = self.callers(front, clock, signatures_per_site=10)
        for _ in range(10):
            callers.identify(self.headers(front, clock.now))
        with pytest.raises(front.server.gateway_callers.NotLetIn, match="remembered"):
            callers.identify(self.headers(front, clock.now))
