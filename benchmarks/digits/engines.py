"""The digits federation on each engine, beside a plain loop over its sites."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import engines, precision
from benchmarks.digits.make_data import FOLDER, HOME
from benchmarks.engines import LIMIT, Ran, Study, environment
from benchmarks.events import figures
from benchmarks.processes import children
from benchmarks.stock import App, ordinary_app, stock

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Measurement:
    """One engine's figures: ``total`` counts from the first command to the end of the last.

    ``accuracies`` are weighted by test examples, by the round that made the model: 0 is the first.
    """

    engine: str
    seconds: float
    total: float
    accuracies: dict[int, float]


def study(rounds: int, seed: int, folder: Path) -> Study:
    """The digits at their three sites."""
    nodes = {site: {"DATA_FILE": str(FOLDER / f"{site}.npz")} for site in HOME}
    return Study(HERE / "digits.ipynb", nodes, rounds, seed, folder)


def loop(work: Study) -> Measurement:
    """The plain loop in one process, with as many threads as a site has."""
    command = [sys.executable, "-m", "benchmarks.digits.loop", "--rounds", str(work.rounds)]
    command += ["--seed", str(work.seed), "--threads", str(work.threads)]
    start = time.perf_counter()
    with children(work.folder / "loop", environment(work.folder)) as group:
        child = group.start("loop", command)
        child.wait(LIMIT)
        total = time.perf_counter() - start
        printed = json.loads(child.log.read_text())
    accuracies = dict(enumerate(printed["accuracies"]))
    return Measurement("plain PyTorch loop", printed["seconds"], total, accuracies)


def simulate(work: Study, workers: int) -> Measurement:
    """`nbfed simulate` without baselines."""
    name = f"nbfed simulate, {workers} worker{'s' if workers > 1 else ''}"
    return _measurement(name, engines.simulate(work, workers))


def in_half(work: Study) -> Measurement:
    """The same with weights that travel in half precision."""
    return _measurement("  in half precision", engines.simulate(precision.in_half(work), 2))


def federation(work: Study, made: Path) -> Measurement:
    """`nbfed run-server` and a `nbfed run-client` for each site."""
    return _measurement("nbfed run-server + 3 run-client", engines.federation(work, made))


def on_stock(work: Study, made: Path) -> Measurement:
    """The same build's Flower App on stock SuperNodes."""
    ran = stock(work, App(made / "flower-app", "stock", {}))
    return _measurement("nbfed's Flower App, stock", ran)


def ordinary(work: Study) -> Measurement:
    """An ordinary Flower App on stock SuperNodes, which does not evaluate the first model."""
    return _measurement("an ordinary Flower App, stock", stock(work, ordinary_app("digits", work)))


def _measurement(engine: str, ran: Ran) -> Measurement:
    found = figures(ran.run)
    return Measurement(engine, found.seconds, ran.total, found.accuracies)
