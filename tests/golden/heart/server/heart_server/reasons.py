"""What a site says of itself, cut to what a line can hold: a foreign client may say anything."""

from __future__ import annotations

_LONGEST_REASON = 300
_LONGEST_WORD = 64


def first_line(reason: str | None) -> str:
    """Shorten what a site says of an error, which may be a whole trace."""
    lines = (reason or "").strip().splitlines()
    return lines[0][:_LONGEST_REASON] if lines else "an error without a reason"


def word(value: object) -> str:
    """Shorten a name or a version."""
    return "".join(c for c in str(value)[:_LONGEST_WORD] if c.isprintable())
