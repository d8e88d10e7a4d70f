"""A run as lines of text, for logs, and as lines of JSON, for scripts."""

from __future__ import annotations

import json
from typing import TextIO

from nbfed.progress.display import Event, baseline_name, count, figures
from nbfed.progress.view import RunView


class JsonLines:
    """Every event as it is; those of a baseline say which in ``baseline``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, event: Event, baseline: str) -> None:
        """Print the event."""
        marked = {**event, "baseline": baseline} if baseline else event
        print(json.dumps(marked), file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is held back."""


class PlainLines:
    """A line for what a person wants to know of a run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._view = RunView()
        self._baselines: dict[str, RunView] = {}

    def show(self, event: Event, baseline: str) -> None:
        """Print a line, or none."""
        view = self._baselines.setdefault(baseline, RunView()) if baseline else self._view
        if line := line_of(view, event, baseline):
            print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is held back."""


def line_of(view: RunView, event: Event, baseline: str) -> str:
    """Let ``view`` take the event in, and say it in a line; "" where it is nothing new."""
    note = view.note
    view.apply(event)
    if event["event"] == "waiting" and view.note == note:
        return ""  # said already
    return _baseline_line(view, event, baseline) if baseline else _line(view, event)


def _line(view: RunView, event: Event) -> str:
    match event["event"]:
        case "run-started":
            sites = ", ".join(view.sites) or "any site that joins"
            rounds = count(view.rounds, "round")
            return f"{view.name}: {rounds} of {view.strategy} over {sites}; seed {view.seed}"
        case "run-resumed":
            after = count(event["rounds_done"], "round")
            restarts = ", ".join(event["strategy_restarts"])
            anew = f"; its strategy starts anew with {restarts}" if restarts else ""
            damaged = ", ".join(event.get("damaged", []))
            passed = f"; damaged, and passed over: {damaged}" if damaged else ""
            unchecked = "; without a checksum: not checked for damage"
            checked = unchecked if event.get("unchecked") else ""
            return f"{view.name}: goes on after {after} of {view.rounds}{checked}{passed}{anew}"
        case "waiting":
            return view.note
        case "site-lost":
            return f"round {event['round']}: {event['site']} went away; it is waited for"
        case "late-reply":
            late = f"{event['site']} replied to round {event['round']}"
            return f"{late} after {event['seconds']:.0f} s: too late, and dropped"
        case "best":
            return f"best so far, after {count(event['round'], 'round')}: {event['metric']}" + (
                f" {event['value']:.4f}"
            )
        case "site-joined":
            return f"{event['site']} joined"
        case "site-refused":
            return f"{event['site']} was refused: {event['reason']}"
        case "site-failed":
            return f"round {event['round']}: {event['site']} failed: {event['reason']}"
        case "round-finished":
            return _round(view, event)
        case "evaluated" if view.metrics:
            after = count(event["round"], "round")
            return f"after {after}: {figures(view.metrics, view.before)}"
        case "server-evaluated":
            found = figures(view.server_metrics, view.server_before)
            return f"after {count(event['round'], 'round')}, on the server's own data: {found}"
        case "run-finished":
            return _ending(view, event)
        case _:
            return ""


def _round(view: RunView, event: Event) -> str:
    missing = f", without {', '.join(event['missing'])}" if event["missing"] else ""
    train = figures(event["train"], {})
    line = f"round {event['round']}/{view.rounds}: {count(len(event['sites']), 'site')}{missing}"
    return f"{line}, {event['seconds']:.1f} s" + (f"; training: {train}" if train else "")


def _ending(view: RunView, event: Event) -> str:
    because = f": {view.reason}" if view.reason else ""
    rounds = count(event["rounds_done"], "round")
    return f"{view.outcome} after {rounds} in {event['seconds']:.1f} s{because}"


def _baseline_line(view: RunView, event: Event, baseline: str) -> str:
    if event["event"] != "run-finished":
        return ""
    return f"baseline, {baseline_name(baseline)}: {_ending(view, event)}"
