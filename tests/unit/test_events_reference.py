"""The reference of events has every event that a server writes, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference" / "events.md"
# Events are told by these functions, by their names as text.
_TOLD = re.compile(r"(?:emit|_emit|event|_event|event_of)\(\s*\"([a-z-]+)\"")


def test_every_event_is_described() -> None:
    modules = (ROOT / "templates" / "server" / "package").glob("*.py*")
    told = {name for module in modules for name in _TOLD.findall(module.read_text("utf-8"))}
    described = set(re.findall(r"^\| `([a-z-]+)` \|", REFERENCE.read_text("utf-8"), re.M))
    assert {"run-started", "evaluated", "best", "server-evaluated"} <= told
    assert described == told
