"""What a run's events.jsonl says about its speed and its metrics."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """Seconds of the rounds, and by round the weighted accuracy of its model, 0 the first one's."""

    seconds: float
    accuracies: dict[int, float]


def read_events(run: Path) -> list[Event]:
    """The events so far; a line that is still being written is left out."""
    file = run / "events.jsonl"
    if not file.is_file():
        return []
    text = file.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def outcome(events: list[Event]) -> Event | None:
    """The last event of a run, or None while it runs."""
    return next((event for event in events if event["event"] == "run-finished"), None)


def finished(run: Path) -> list[Event]:
    """The events of a finished run; raises ValueError for a run that did not finish."""
    events = read_events(run)
    last = outcome(events)
    if last is None or last["outcome"] != "finished":
        raise ValueError(f"{run} did not finish: {last and last['reason']}")
    return events


def when(events: list[Event], name: str, *, last: bool = False) -> float:
    """The time of the first event of a name, or its last one, in seconds since 1970."""
    times = [event["time"] for event in events if event["event"] == name]
    return datetime.fromisoformat(times[-1 if last else 0]).timestamp()


def figures(run: Path, metric: str = "accuracy") -> Figures:
    """The figures of a finished run: from the start of round 1 to the last evaluation.

    Raises ValueError for a run that did not finish.
    """
    events = finished(run)
    evaluated = [event for event in events if event["event"] == "evaluated"]
    accuracies = {event["round"]: event["weighted"][metric] for event in evaluated}
    seconds = when(events, "evaluated", last=True) - when(events, "round-started")
    return Figures(seconds, accuracies)
