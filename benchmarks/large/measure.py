"""What is measured of a run with a large model."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import engines
from benchmarks.engines import LIMIT, Ran, Study, environment
from benchmarks.events import finished, when
from benchmarks.large.study import Shape
from benchmarks.memory import Memory
from benchmarks.processes import children
from benchmarks.relay import Relay
from benchmarks.stock import App, ordinary_app, stock

SERVER = ("server", "superlink", "gateway")


@dataclass(frozen=True)
class Peaks:
    """The most memory above idle, in multiples of the model: by process, and the server's in all.

    ``server`` is what its three processes took at one time.
    """

    processes: dict[str, float]
    server: float


def round_seconds(ran: Ran) -> float:
    """Return the median of the rounds' seconds, aggregation and checkpoint included."""
    events = finished(ran.run)
    return statistics.median(e["seconds"] for e in events if e["event"] == "round-finished")


# Bytes a second each way: a line of 100 Mbit/s for each site.
LINE = 100e6 / 8


def federation(study: Study, made: Path, shape: Shape, number: int) -> tuple[float, Peaks]:
    """Return the seconds of a round, and the processes' peaks."""
    with Memory() as memory:
        ran = engines.federation(study, made, name=f"federation-{number}", memory=memory)
    begun = when(finished(ran.run), "round-started")
    idle = {
        name: memory.idle(name, ran.idle if name in SERVER else begun) for name in memory.names()
    }
    above = {name: (memory.peak(name) - idle[name]) / shape.bytes for name in idle}
    together = memory.together(list(SERVER)) - sum(idle[name] for name in SERVER)
    return round_seconds(ran), Peaks(above, together / shape.bytes)


def on_a_line(
    study: Study, made: Path, shape: Shape, rate: float = LINE
) -> tuple[float, dict[str, float]]:
    """Return the seconds of a round over lines of that ``rate``, and the bytes that passed.

    The bytes are each site's in a round, in multiples of the model, as a network sees them.
    Counted from the first round's start to the last one's end; the evaluation after it, which
    takes the weights out once more, comes on top.
    """
    relays: dict[str, Relay] = {}
    ran = engines.federation(study, made, name="line", relays=relays, rate=rate)
    return round_seconds(ran), _traffic(ran, relays, study, shape)


def on_stock(study: Study, made: Path, shape: Shape) -> tuple[float, dict[str, float]]:
    """Return a round's seconds and bytes with the same Flower App on stock SuperNodes."""
    return _stock(study, App(made / "flower-app", "stock", {}), shape)


def ordinary(study: Study, shape: Shape) -> tuple[float, dict[str, float]]:
    """Return a round's seconds and bytes with an ordinary Flower App on stock SuperNodes."""
    settings = {"width": shape.width, "layers": shape.layers}
    return _stock(study, ordinary_app("large", study, **settings), shape)


def _stock(study: Study, app: App, shape: Shape) -> tuple[float, dict[str, float]]:
    relays: dict[str, Relay] = {}
    ran = stock(study, app, relays=relays)
    return round_seconds(ran), _traffic(ran, relays, study, shape)


def training(study: Study, shape: Shape) -> float:
    """Return the memory that one site's training takes in a plain loop, in multiples."""
    command = [sys.executable, "-m", "benchmarks.large.loop"]
    command += ["--width", str(shape.width), "--layers", str(shape.layers)]
    with children(study.folder / "loop", environment(study.folder)) as group:
        child = group.start("loop", command)
        child.wait(LIMIT)
        taken: int = json.loads(child.log.read_text())["bytes"]
    return taken / shape.bytes


def _traffic(ran: Ran, relays: dict[str, Relay], study: Study, shape: Shape) -> dict[str, float]:
    events = finished(ran.run)
    start, end = when(events, "round-started"), when(events, "round-finished", last=True)
    share = shape.bytes * study.rounds
    return {site: relay.bytes_between(start, end) / share for site, relay in relays.items()}
