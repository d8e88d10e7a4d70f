"""The numbers of an event, by the names under which trackers show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from nbfed.progress.display import Event
from nbfed.runs import SEEDS


def numbers(event: Event) -> Iterator[tuple[str, float, int]]:
    """Name, value and round of each number; those that are no numbers (null) are left out.

    ``evaluate/METRIC`` and ``train/METRIC`` are means over the sites by their rows; with
    ``/SITE`` they are the site's own. ``server/METRIC`` is on the server's data.
    """
    match event["event"]:
        case "evaluated":
            yield from _named("evaluate", event["weighted"], "", event["round"])
            for site, told in event["sites"].items():
                yield from _named("evaluate", told["metrics"], f"/{site}", event["round"])
        case "server-evaluated":
            yield from _named("server", event["metrics"], "", event["round"])
        case "site-replied":
            site = f"/{event['site']}"
            yield from _named("train", event["train"], site, event["round"])
            told = {name: event[name] for name in ("examples", "seconds", "train_seconds")}
            yield from _named("site", told, site, event["round"])
        case "round-finished":
            yield from _named("train", event["train"], "", event["round"])
            about = {"seconds": event["seconds"], "sites": len(event["sites"])}
            yield from _named("round", about, "", event["round"])


def settings(event: Event) -> dict[str, str]:
    """What a run was asked to do, from its first event."""
    names = ("engine", "rounds", "seed", "strategy", "min_sites", "digest")
    told = {name: str(event[name]) for name in names if name in event}
    told |= {f"params.{name}": str(value) for name, value in event.get("params", {}).items()}
    return told | {f"version.{name}": each for name, each in event.get("versions", {}).items()}


def label(run: Path) -> str:
    """What trackers call the run: the end of its path, as much as tells it from others."""
    return "-".join(run.parts[-3:] if run.parent.name == SEEDS else run.parts[-1:])


def milliseconds(event: Event) -> int:
    """When the event happened, since 1970."""
    return int(datetime.fromisoformat(event["time"]).timestamp() * 1000)


def _named(
    phase: str, values: Mapping[str, Any], suffix: str, step: int
) -> Iterator[tuple[str, float, int]]:
    for name, value in values.items():
        if value is not None:
            yield f"{phase}/{name}{suffix}", float(value), step
