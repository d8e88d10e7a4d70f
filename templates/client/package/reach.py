"""Whether the server can be reached from here, as a run would reach it; nothing is joined."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx

from .admittance import Admittance
from .clocks import apart, is_about_time, seconds_behind, seconds_behind_at
from .connections import only_to, proxies
from .exits import SiteError
from .findings import Finding, failed, fine, note
from .fleet_line import FleetError, require_admitted
from .identity import KEY_FILE, load_identity
from .place import COMMAND, Place

_SECONDS = 10.0
# Flower's signatures are good for minutes; a clock is to be right long before that.
_CLOCK_FAILS, _CLOCK_MATTERS = 60.0, 5.0


def check_server(place: Place) -> Iterator[Finding]:
    """Connect, compare certificate and clock, and ask if this site's key is admitted.

    Raises SiteError for an address or a certificate that site.yaml does not name.
    """
    address, ca = place.address, place.ca
    if way := proxies():
        yield note(
            "proxy", f"connections go through {', '.join(way)}, as this machine's settings say"
        )
    with only_to([address]):
        try:
            trusted = ssl.create_default_context(cafile=str(ca))
            with httpx.Client(verify=trusted, timeout=_SECONDS) as client:
                answer = client.get(f"https://{address}/")
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            if is_about_time(str(error)):
                yield from _not_valid_now(address, ca)
            else:
                yield _unreached(address, str(ca), str(error))
            return
        yield fine("server", f"{address} answers, and its certificate is the federation's ({ca})")
        yield _clock(seconds_behind(answer))
        yield from _admitted(place, address)


def _unreached(address: str, ca: str, text: str) -> Finding:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return failed(
            "server",
            f"the certificate of {address} is not the federation's",
            f"get ca.pem anew from the coordinator, over a line you trust; here it is {ca}",
        )
    if "SSL" in text:
        return failed("server", f"{address} does not speak TLS as it should", "check the address")
    return failed(
        "server",
        f"{address} cannot be reached ({text})",
        "ask the coordinator if the server runs, and your network's people to let this machine "
        "connect to that host and port",
    )


def _not_valid_now(address: str, ca: Path) -> Iterator[Finding]:
    yield failed(
        "server",
        f"the certificate of {address} is not valid at the time that it is here",
        "check this machine's clock; if it is right, ask the coordinator to start the server "
        "anew, which renews it",
    )
    yield _clock(seconds_behind_at(address, ca.read_text()))


def _clock(behind: float | None) -> Finding:
    if behind is None:
        return note("clock", "the server does not tell its time")
    side = apart(behind)
    if abs(behind) > _CLOCK_FAILS:
        return failed("clock", side, "set this machine's clock, by NTP for example")
    return note("clock", side) if abs(behind) > _CLOCK_MATTERS else fine("clock", "as the server's")


def _admitted(place: Place, address: str) -> Iterator[Finding]:
    try:
        identity = load_identity(place.state / KEY_FILE)
    except SiteError:
        # Told of already, as a check of its own.
        return
    admittance = Admittance(identity, place.state)
    try:
        require_admitted(address, place.ca, admittance)
        yield fine("admitted", "the server knows this site's key")
    except FleetError as error:
        yield failed(
            "admitted", str(error), f"{COMMAND} enroll, and give request.json to the coordinator"
        )
