"""One point of a curve: a run with so many sites, or with a model of such a size."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import engines
from benchmarks.engines import Ran, build
from benchmarks.events import finished
from benchmarks.large.study import Shape, study
from benchmarks.memory import Memory

WORKERS = 2


@dataclass(frozen=True)
class Point:
    """A run's figures: of a round its seconds (the median), of all processes the most bytes.

    ``memory`` counts what belongs to no file, libraries' code that is.
    """

    engine: str
    sites: int
    model_bytes: int
    round_seconds: float
    memory: int

    @property
    def seconds_per_site(self) -> float:
        """The seconds of a round and site."""
        return self.round_seconds / self.sites

    def record(self) -> dict[str, Any]:
        """Return it for a file of figures."""
        return asdict(self) | {"seconds_per_site": self.seconds_per_site}


def simulated(folder: Path, shape: Shape, *, sites: int, rounds: int) -> Point:
    """Simulate a federation with two workers."""
    work = study(folder, shape, sites=sites, rounds=rounds)
    with Memory() as memory:
        ran = engines.simulate(work, WORKERS, memory)
    return _point("simulate", ran, shape, sites, memory.peak("simulate"))


def federated(folder: Path, shape: Shape, *, sites: int, rounds: int) -> Point:
    """Run a federation of processes; its memory is not measured here."""
    work = study(folder, shape, sites=sites, rounds=rounds)
    return _point("federation", engines.federation(work, build(work)), shape, sites, 0)


def _point(engine: str, ran: Ran, shape: Shape, sites: int, memory: int) -> Point:
    events = finished(ran.run)
    # The first round also loads data and makes models, once a run.
    seconds = [e["seconds"] for e in events if e["event"] == "round-finished"]
    middle = statistics.median(seconds[1:] or seconds)
    return Point(engine, sites, shape.bytes, middle, memory)
