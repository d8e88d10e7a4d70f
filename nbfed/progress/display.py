"""What a display of a run does, and the words that all displays share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

Event = Mapping[str, Any]

_JUST_NOW, _MINUTE = 10.0, 60.0


class Display(Protocol):
    """Shows events as they come; all calls come from one thread."""

    def show(self, event: Event, baseline: str) -> None:
        """Show one event of the run itself (``baseline`` is "") or of one of its baselines."""

    def close(self) -> None:
        """The last event has been shown."""


def figure(value: float | None) -> str:
    """A metric to four decimals; None stands for a value that is no number."""
    return "nan" if value is None else f"{value:.4f}"


def change(value: float | None, before: float | None) -> str:
    """The change of a metric since it was last known, with its sign; "" where there is none."""
    return "" if value is None or before is None else f"{value - before:+.4f}"


def figures(values: Mapping[str, float | None], before: Mapping[str, float | None]) -> str:
    """Metrics in one line, each with its change in brackets."""
    parts = []
    for name, value in values.items():
        since = change(value, before.get(name))
        parts.append(f"{name} {figure(value)}" + (f" ({since})" if since else ""))
    return ", ".join(parts)


def count(number: int, noun: str) -> str:
    """``1 round``, ``2 rounds``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def since(time: str, now: datetime) -> str:
    """How long ago a site was heard of, coarse: a display that ticks every second is not calm."""
    if not time:
        return ""
    seconds = max(0.0, (now - datetime.fromisoformat(time)).total_seconds())
    if seconds < _JUST_NOW:
        return "now"
    if seconds < _MINUTE:
        return f"{seconds // 10 * 10:.0f} s ago"
    return f"{seconds // _MINUTE:.0f} min ago"


def ago(seconds: float) -> str:
    """A time to the minute: a line about it shall not change more often."""
    return f"{seconds // _MINUTE:.0f} min" if seconds >= _MINUTE else "less than a minute"


def duration(seconds: float) -> str:
    """A time as a person reads it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def size(number: float) -> str:
    """Bytes as a person reads them."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def baseline_name(folder: str) -> str:
    """What a person calls the baseline in this folder (``pooled``, ``local-SITE``)."""
    if folder.startswith("local-"):
        return f"{folder.removeprefix('local-')} alone"
    return "all data pooled" if folder == "pooled" else folder
