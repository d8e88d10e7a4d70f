"""What a run came to, in few numbers, from its events."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbfed.errors import NbfedError
from nbfed.outcome.results import Metrics
from nbfed.progress.follower import Tail
from nbfed.runs import EVENTS

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """A site's rows: what it trained on, and what its test set has."""

    train: int = 0
    test: int = 0


@dataclass(frozen=True)
class Summary:
    """One run.

    ``sites`` holds the final metrics by site, ``weighted`` (by test rows) and ``unweighted`` their
    means, ``server`` those on the server's own data; where ``phase`` is "train", the sites'
    are of the training, because the sites evaluate nothing. ``seconds`` is None, and ``outcome``
    "", for a run that has not ended. ``bytes`` went to and from the sites. A metric that is no
    number is NaN.
    """

    run: str
    name: str
    strategy: str
    strategy_options: Mapping[str, Any]
    params: Mapping[str, Any]
    seed: int
    engine: str
    rounds: int
    rounds_done: int
    outcome: str
    digest: str
    versions: Mapping[str, str]
    rows: Mapping[str, Rows]
    phase: str
    sites: Mapping[str, Metrics]
    weighted: Metrics
    unweighted: Metrics
    server: Metrics
    seconds: float | None
    bytes: int
    exchange: tuple[str, ...] = ("all",)

    @classmethod
    def read(cls, run: Path, *, best: bool = False) -> Summary:
        """Summarise the run in this folder; raises NbfedError where it has not begun.

        With ``best``, the metrics are those of the best weights, not of the last ones.
        """
        events = list(Tail(run / EVENTS).events())
        started = [e for e in events if e["event"] in ("run-started", "run-resumed")]
        if not started:
            raise NbfedError(f"the run in {run} has not begun")
        about, build = started[-1], _build(run)
        ended = _last(events, "run-finished")
        counted = _of_best(events) if best else events
        evaluated = _last(counted, "evaluated")
        at_server = _last(counted, "server-evaluated")
        evaluates = bool(evaluated and evaluated["sites"])
        final = _evaluated(evaluated) if evaluates else _trained(events)
        return cls(
            run=str(run),
            name=about["name"],
            strategy=about["strategy"],
            strategy_options=_json(build, "strategy-options"),
            params=about.get("params", {}),
            seed=about["seed"],
            engine=about["engine"],
            rounds=about["rounds"],
            rounds_done=max(
                (e["round"] for e in events if e["event"] == "round-finished"), default=0
            ),
            outcome=ended.get("outcome", ""),
            digest=about["digest"],
            versions=about.get("versions", {}),
            rows=_rows(events),
            phase="evaluate" if evaluates else "train",
            sites=final[0],
            weighted=final[1],
            unweighted=final[2],
            server=_numbers(at_server.get("metrics", {})),
            seconds=ended.get("seconds"),
            bytes=sum(
                e.get("bytes_in", 0) + e.get("bytes_out", 0)
                for e in events
                if e["event"] == "site-replied"
            ),
            exchange=tuple(build.get("exchange", ("all",))),
        )

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics' names, in the order in which they came."""
        found = [self.weighted, *self.sites.values(), self.server]
        return tuple(dict.fromkeys(name for one in found for name in one))


def _evaluated(event: Event) -> tuple[dict[str, Metrics], Metrics, Metrics]:
    sites = {site: _numbers(told["metrics"]) for site, told in event["sites"].items()}
    return sites, _numbers(event["weighted"]), _numbers(event["unweighted"])


def _trained(events: Iterable[Event]) -> tuple[dict[str, Metrics], Metrics, Metrics]:
    """The last metrics of the training; their mean is by the rows of the training."""
    sites: dict[str, Metrics] = {}
    weighted: Metrics = {}
    for event in events:
        if event["event"] == "site-replied":
            sites[event["site"]] = _numbers(event["train"])
        elif event["event"] == "round-finished":
            weighted = _numbers(event["train"])
    return dict(sorted(sites.items())), weighted, {}


def _numbers(values: Mapping[str, float | None]) -> Metrics:
    return {name: math.nan if value is None else value for name, value in values.items()}


def _rows(events: Iterable[Event]) -> dict[str, Rows]:
    train: dict[str, int] = {}
    test: dict[str, int] = {}
    for event in events:
        if event["event"] == "site-replied":
            train[event["site"]] = event["examples"]
        elif event["event"] == "evaluated":
            test |= {site: told["examples"] for site, told in event["sites"].items()}
    sites = sorted(train.keys() | test.keys())
    return {site: Rows(train.get(site, 0), test.get(site, 0)) for site in sites}


def _last(events: Iterable[Event], name: str) -> Event:
    found: Event = {}
    for event in events:
        if event["event"] == name:
            found = event
        elif event["event"] == "run-resumed" and name == "run-finished":
            found = {}  # it goes on
    return found


def _of_best(events: Iterable[Event]) -> list[Event]:
    """The events about the weights that were kept as the best."""
    found = _last(events, "best").get("round")
    return [event for event in events if event.get("round") == found]


def _build(run: Path) -> dict[str, Any]:
    try:
        build: dict[str, Any] = json.loads((run / "build.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return build


def _json(build: Mapping[str, Any], key: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(build["run_config"][key])
    except (KeyError, TypeError, ValueError):
        return {}
    return value
