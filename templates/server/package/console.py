"""What happens in a run, as lines for a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from .run_folder import Event


def print_progress(event: Event) -> None:
    """Print a line about ``event`` to standard error, if it is worth one."""
    line = describe(event)
    if line:
        print(line, file=sys.stderr, flush=True)


def print_json(event: Event) -> None:
    """Print ``event`` as one line of JSON to standard output."""
    print(json.dumps(event), flush=True)


def describe(event: Event) -> str:
    """Return a line about ``event``, or "" for what a reader can do without."""
    describer = _LINES.get(str(event["event"]))
    return describer(event) if describer else ""


def _numbers(metrics: dict[str, float | None]) -> str:
    return ", ".join(
        f"{name} {'nan' if value is None else format(value, '.4f')}"
        for name, value in metrics.items()
    )


def _listening(event: dict[str, Any]) -> str:
    return f"listening on {event['address']}; sites need {event['ca']}"


def _started(event: dict[str, Any]) -> str:
    return (
        f"{event['name']}: {event['rounds']} rounds of {event['strategy']}, seed {event['seed']}, "
        f"{event['min_sites']} sites needed"
    )


def _resumed(event: dict[str, Any]) -> str:
    restarts, damaged = event["strategy_restarts"], event["damaged"]
    return (
        f"{event['name']}: goes on after {event['rounds_done']} of {event['rounds']} rounds of "
        f"{event['strategy']}, from {event['file'] or 'the initial weights'}"
        + (" (without a checksum: not checked for damage)" if event["unchecked"] else "")
        + (f"; damaged, and passed over: {', '.join(damaged)}" if damaged else "")
        + (f"; its strategy starts anew with {', '.join(restarts)}" if restarts else "")
    )


def _joined(event: dict[str, Any]) -> str:
    return f"{event['site']} joined"


def _refused(event: dict[str, Any]) -> str:
    return f"{event['site']} was turned away: {event['reason']}"


def _sizes_awaited(event: dict[str, Any]) -> str:
    return f"{_waiting(event)}: one of them tells the model's sizes first"


def _waiting(event: dict[str, Any]) -> str:
    seen = event.get("last_seen", {})
    names = [
        f"{site}, last seen {_ago(seen[site])} ago" if site in seen else site
        for site in event["missing"]
    ]
    return f"waiting for {'; '.join(names) or 'sites'} ({event['seconds']:.0f} s)"


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _lost(event: dict[str, Any]) -> str:
    return f"  round {event['round']}: {event['site']} went away; it is waited for"


def _late(event: dict[str, Any]) -> str:
    return (
        f"  {event['site']} replied to round {event['round']} after {event['seconds']:.0f} s: "
        "too late, and dropped"
    )


def _best(event: dict[str, Any]) -> str:
    return (
        f"weights after round {event['round']} are the best: {event['metric']} {event['value']:.4f}"
    )


def _replied(event: dict[str, Any]) -> str:
    return (
        f"  round {event['round']}: {event['site']} replied after {event['seconds']:.1f} s, "
        f"{event['examples']} examples"
        + (f", {_numbers(event['train'])}" if event["train"] else "")
    )


def _failed(event: dict[str, Any]) -> str:
    return f"  round {event['round']}: {event['site']} is left out: {event['reason']}"


def _round_finished(event: dict[str, Any]) -> str:
    train = _numbers(event["train"])
    return (
        f"round {event['round']} finished in {event['seconds']:.1f} s with "
        f"{len(event['sites'])} sites" + (f": {train}" if train else "")
    )


def _evaluated(event: dict[str, Any]) -> str:
    means = _numbers(event["weighted"]) or "no metrics"
    of = f"after round {event['round']}" if event["round"] else "initial"
    return f"weights {of}: {means} (weighted by examples)"


def _server_evaluated(event: dict[str, Any]) -> str:
    of = f"after round {event['round']}" if event["round"] else "initial"
    return f"weights {of}: {_numbers(event['metrics']) or 'no metrics'} (the server's own data)"


def _run_finished(event: dict[str, Any]) -> str:
    reason = f": {event['reason']}" if event["reason"] else ""
    return (
        f"{event['outcome']} after {event['rounds_done']} rounds, {event['seconds']:.1f} s{reason}"
    )


_LINES: dict[str, Callable[[dict[str, Any]], str]] = {
    "listening": _listening,
    "run-started": _started,
    "run-resumed": _resumed,
    "site-joined": _joined,
    "site-refused": _refused,
    "sizes-awaited": _sizes_awaited,
    "waiting": _waiting,
    "site-replied": _replied,
    "site-failed": _failed,
    "round-finished": _round_finished,
    "site-lost": _lost,
    "late-reply": _late,
    "evaluated": _evaluated,
    "server-evaluated": _server_evaluated,
    "best": _best,
    "run-finished": _run_finished,
}
