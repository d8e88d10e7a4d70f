"""Numbers as the report writes them."""

from __future__ import annotations

import math

from nbfed.report.intervals import Interval

_MANY, _FEW = 1000.0, 0.001
MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"


def number(value: float | None) -> str:
    """A metric: three decimals, or three digits where it is very large or very small."""
    if value is None:
        return NONE
    if not math.isfinite(value):
        return "no number"
    size = abs(value)
    text = f"{size:.3f}" if size == 0 or _FEW <= size < _MANY else f"{size:.3g}"
    return f"{MINUS}{text}" if value < 0 and text.strip("0.") else text


def whole(count: int) -> str:
    """A count, its thousands apart."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def signed(value: float) -> str:
    """A difference, with its sign."""
    text = number(value)
    return text if text.startswith(MINUS) or not math.isfinite(value) else f"+{text}"


def between(interval: Interval, *, sign: bool = False) -> str:
    """``0.744 to 0.907``."""
    write = signed if sign else number
    return f"{write(interval.low)} to {write(interval.high)}"
