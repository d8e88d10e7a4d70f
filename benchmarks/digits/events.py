"""What a run's events.jsonl says about its speed and its accuracy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figures:
    """Seconds of the rounds, and the weighted accuracy of every round's model, 0 first."""

    seconds: float
    accuracies: tuple[float, ...]


def read_events(run: Path) -> list[dict[str, Any]]:
    """The events so far; a line that is still being written is left out."""
    file = run / "events.jsonl"
    if not file.is_file():
        return []
    text = file.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def outcome(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The last event of a run, or None while it runs."""
    return next((event for event in events if event["event"] == "run-finished"), None)


def figures(run: Path) -> Figures:
    """The figures of a finished run: from the start of round 1 to the last evaluation.

    Raises ValueError for a run that did not finish.
    """
    events = read_events(run)
    last = outcome(events)
    if last is None or last["outcome"] != "finished":
        raise ValueError(f"{run} did not finish: {last and last['reason']}")
    start = next(event["time"] for event in events if event["event"] == "round-started")
    evaluated = [event for event in events if event["event"] == "evaluated"]
    end = evaluated[-1]["time"]
    by_round = {event["round"]: event["weighted"]["accuracy"] for event in evaluated}
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return Figures(seconds, tuple(by_round[number] for number in sorted(by_round)))
