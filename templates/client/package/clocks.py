"""How far this machine's clock is from the server's: signatures and certificates depend on it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

_SECONDS = 10.0
# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which Python has no name.
_AT_ANY_TIME = 0x200000
_NOT_VALID_NOW = ("certificate has expired", "certificate is not yet valid")


def seconds_behind(answer: httpx.Response) -> float | None:
    """Return how far this machine's clock is behind that of who answered; None if unknown."""
    try:
        there = parsedate_to_datetime(answer.headers["date"])
        return (there - datetime.now(UTC)).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None


def is_about_time(refused: str) -> bool:
    """Say whether a certificate was refused for nothing but the time that it is here."""
    return any(text in refused for text in _NOT_VALID_NOW)


def seconds_behind_at(address: str, ca: str) -> float | None:
    """Ask the server at ``address`` for its time, though its certificate is not valid now.

    It has to be one of ``ca``, a certificate's text, all the same. Returns None if unknown.
    """
    try:
        trusted = ssl.create_default_context(cadata=ca)
        trusted.verify_flags = ssl.VerifyFlags(trusted.verify_flags | _AT_ANY_TIME)
        with httpx.Client(verify=trusted, timeout=_SECONDS) as client:
            return seconds_behind(client.get(f"https://{address}/"))
    except (httpx.HTTPError, OSError):
        return None


def apart(behind: float) -> str:
    """Describe a difference, as in "10 min behind the server's"."""
    seconds, side = abs(behind), "behind" if behind > 0 else "ahead of"
    if seconds < 2 * 60:
        return f"{seconds:.0f} s {side} the server's"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min {side} the server's"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.0f} h {side} the server's"
    return f"{seconds / 86400:.0f} days {side} the server's"
