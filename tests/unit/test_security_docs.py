"""What docs/security.md states of limits, calls and tests is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.runtime.modules import template_module

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
LIMITS = template_module("server/package/gateway_limits.py")
KIB, MIB = 1024, 1024 * 1024


def row(first: str) -> list[str]:
    """The values of the row of a table that begins so."""
    (line,) = (line for line in TEXT.splitlines() if line.startswith(f"| {first}"))
    return [value.strip() for value in line.strip("| ").split("|")[1].split(";")]


@pytest.mark.parametrize(
    ("first", "values"),
    [
        ("handshake; each head; idle", ("handshake_seconds", "head_seconds", "idle_seconds")),
        ("a body may stall for", ("stall_seconds", "least_bytes_per_second")),
        ("head; ordinary call", ("head_bytes", "call_bytes", "message_bytes", "object_bytes")),
        ("connections: strangers", ("strangers", "connections", "connections_per_site")),
        ("age of a signature", ("signature_seconds", "clock_ahead_seconds")),
        ("wait for the SuperLink", ("superlink_connect_seconds", "superlink_answer_seconds")),
        ("log lines a minute", ("log_lines_per_minute",)),
    ],
)
def test_the_limits_are_those_of_the_gateway(first: str, values: tuple[str, ...]) -> None:
    units = {"s": 1, "KiB": KIB, "KiB/s": KIB, "MiB": MIB, "": 1}
    stated = []
    for value in row(first):
        number, _, unit = value.partition(" ")
        stated.append(float(number) * units[unit])
    assert stated == [float(getattr(LIMITS.Limits(), name)) for name in values]


def test_the_number_of_calls_is_right() -> None:
    assert "knows nine calls of Flower's Fleet API" in TEXT
    assert len(LIMITS._CALLS) == 9
    assert all(call.startswith(b"/v1/fleet/") for call in LIMITS._CALLS)


def test_the_tests_that_it_names_are_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", TEXT))
    there = {path.name for path in (ROOT / "tests" / "runtime" / "server").glob("test_gateway_*")}
    assert named == there


def test_the_lives_of_certificates_are_right() -> None:
    source = (ROOT / "templates/server/package/certificates.py").read_text(encoding="utf-8")
    assert "_AUTHORITY_DAYS = 3650" in source and "| 10 years |" in TEXT
    assert "_SERVER_DAYS = 825" in source and "| 825 days;" in TEXT
