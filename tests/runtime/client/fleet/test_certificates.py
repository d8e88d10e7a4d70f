"""Whom a site trusts, and what a wrong clock has to do with it."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.runtime.client.fleet.link import Link, serving


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


def test_a_ca_file_that_is_none(link: Link, fleet_module: Any, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with (
        fleet_module.Fleet(
            link.address, tmp_path / "ca.pem", link.admittance(), patience=1
        ) as fleet,
        pytest.raises(fleet_module.FleetError, match="CA certificate cannot be read"),
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
