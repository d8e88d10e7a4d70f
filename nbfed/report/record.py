"""What happened in a run, put in order from its events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Event = Mapping[str, Any]

ALL_SITES, SERVER = "all sites", "the server's own data"
_REST = ("sending and averaging", "averaging, and sites that take turns on this machine")
TOOK_PART, FAILED, AWAY = "took part", "failed", "away"
NOT_ASKED, OPEN, UNDER_WAY = "not chosen", "no answer", "under way"


@dataclass
class SiteRecord:
    """One site's part. ``states`` are by round; bytes are seen from the site."""

    states: dict[int, str] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    refused: str = ""
    train_rows: int = 0
    test_rows: int = 0
    sent: int = 0
    received: int = 0
    train_seconds: float = 0.0
    evaluate_seconds: float = 0.0

    @property
    def rounds(self) -> int:
        """In how many rounds its weights counted."""
        return sum(state == TOOK_PART for state in self.states.values())


@dataclass
class Record:
    """A whole run. ``series`` has a metric's values by site (or all sites, or the server's own
    evaluation) and round.

    Round 0 are the initial weights. ``tested`` has the test rows of all sites that evaluated the
    weights after a round. ``trained`` tells that the series are of the training, where nothing was
    evaluated. A round that was lost with its server and made again counts once.
    """

    about: Event
    sites: dict[str, SiteRecord] = field(default_factory=dict)
    series: dict[str, dict[str, dict[int, float]]] = field(default_factory=dict)
    trained: bool = False
    tested: dict[int, int] = field(default_factory=dict)
    round_seconds: dict[int, float] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    ended: Event = field(default_factory=dict)
    resumed: int = 0

    @property
    def rounds(self) -> Sequence[int]:
        """The rounds that began, in order."""
        return sorted({number for site in self.sites.values() for number in site.states})

    @property
    def last(self) -> int:
        """The last round after which there are figures; 0 where there are none."""
        return max((r for by in self.series.values() for s in by.values() for r in s), default=0)

    def site(self, name: str) -> SiteRecord:
        """The record of a site, new where there is none yet."""
        return self.sites.setdefault(name, SiteRecord())


def record(events: Sequence[Event]) -> Record:
    """Put the events of a run in order; those of unknown names change nothing."""
    about = next((e for e in events if e["event"] in ("run-started", "run-resumed")), {})
    made = Record(about)
    for name in about.get("sites", ()):
        made.site(name)
    replies: dict[tuple[int, str], Event] = {}
    for event in events:
        match event["event"]:
            case "round-started":
                for name in event["sites"]:
                    made.site(name).states[event["round"]] = OPEN
            case "site-replied":
                replies[event["round"], event["site"]] = event
            case "site-failed":
                site = made.site(event["site"])
                site.failures[event["round"]] = event["reason"]
                if site.states.get(event["round"]) == OPEN:
                    site.states[event["round"]] = FAILED
            case "site-refused" if event["site"] in made.sites:
                made.site(event["site"]).refused = event["reason"]
            case "site-joined":
                made.site(event["site"]).refused = ""
            case "round-finished":
                _finish_round(made, event)
            case "evaluated":
                _evaluated(made, event)
            case "server-evaluated":
                _add_figures(made, SERVER, event["round"], event["metrics"])
            case "run-resumed":
                made.resumed += 1
                made.ended = {}
            case "run-finished":
                made.ended = event
    _mark_under_way(made)
    _add_replies(made, replies)
    if not made.series:
        _training_series(made, events, replies)
    made.phases = _phases(made, events, replies)
    return made


def _finish_round(made: Record, event: Event) -> None:
    number = event["round"]
    made.round_seconds[number] = event["seconds"]
    asked = {name for name, site in made.sites.items() if number in site.states}
    for name in event["sites"]:
        made.site(name).states[number] = TOOK_PART
        made.site(name).failures.pop(number, None)
    for name in event["missing"]:
        site = made.site(name)
        if number not in site.failures:
            site.states[number] = OPEN if name in asked else AWAY
    for site in made.sites.values():
        site.states.setdefault(number, NOT_ASKED)


def _mark_under_way(made: Record) -> None:
    """Tell who may still answer in a round that is not over from who did not."""
    number = made.rounds[-1] if made.rounds else 0
    if made.ended or number in made.round_seconds:
        return
    for site in made.sites.values():
        if site.states.get(number) == OPEN:
            site.states[number] = UNDER_WAY


def _evaluated(made: Record, event: Event) -> None:
    number = event["round"]
    for name, found in event["sites"].items():
        made.site(name).test_rows = found["examples"]
        _add_figures(made, name, number, found["metrics"])
    _add_figures(made, ALL_SITES, number, event["weighted"])
    made.tested[number] = sum(found["examples"] for found in event["sites"].values())


def _add_figures(made: Record, line: str, number: int, metrics: Mapping[str, float | None]) -> None:
    for metric, value in metrics.items():
        found = math.nan if value is None else float(value)
        made.series.setdefault(metric, {}).setdefault(line, {})[number] = found


def _add_replies(made: Record, replies: Mapping[tuple[int, str], Event]) -> None:
    for event in replies.values():
        site = made.site(event["site"])
        site.train_rows = event["examples"]
        site.sent += event.get("bytes_in", 0)
        site.received += event.get("bytes_out", 0)
        site.train_seconds += event.get("train_seconds", 0.0)
        site.evaluate_seconds += event.get("evaluate_seconds", 0.0)


def _training_series(
    made: Record, events: Iterable[Event], replies: Mapping[tuple[int, str], Event]
) -> None:
    for (number, name), event in replies.items():
        _add_figures(made, name, number, event.get("train", {}))
    for event in events:
        if event["event"] == "round-finished":
            _add_figures(made, ALL_SITES, event["round"], event.get("train", {}))
    made.trained = bool(made.series)


def _phases(
    made: Record, events: Sequence[Event], replies: Mapping[tuple[int, str], Event]
) -> dict[str, float]:
    """Seconds of the run by what they went into; what is not known is not told."""
    slowest = {
        part: sum(
            max(
                (e.get(part, 0.0) for (r, _), e in replies.items() if r == number),
                default=0.0,
            )
            for number in made.round_seconds
        )
        for part in ("train_seconds", "evaluate_seconds")
    }
    rounds = sum(made.round_seconds.values())
    work = slowest["train_seconds"] + slowest["evaluate_seconds"]
    found = {
        "waiting for sites": _waited(events),
        "training, the slowest site of each round": slowest["train_seconds"],
        "evaluation before training, the slowest site of each round": slowest["evaluate_seconds"],
        _REST[made.about.get("engine") == "embedded"]: rounds - work,
    }
    return {name: round(seconds, 3) for name, seconds in found.items() if seconds > 0}


def _waited(events: Sequence[Event]) -> float:
    """Seconds from the start, or the end of a round, to the start of the next."""
    waited, since = 0.0, ""
    for event in events:
        if event["event"] in ("run-started", "run-resumed", "round-finished"):
            since = str(event.get("time", ""))
        elif event["event"] == "round-started" and since and "time" in event:
            between = datetime.fromisoformat(event["time"]) - datetime.fromisoformat(since)
            waited, since = waited + between.total_seconds(), ""
    return waited
