"""A whole federation on this machine, and the models that it is compared with.

The generated server app runs on the embedded grid. Then, from the same initial weights and for as
many rounds, each site trains alone, and a site that holds all data pooled. Every final model is
evaluated on the sites' own test data.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbfed.builds import notebook_folder
from nbfed.engine.comparison import Figures, compared
from nbfed.engine.embedded import POOLED, EmbeddedGrid, WorkerError
from nbfed.engine.server import ServerPackage
from nbfed.errors import FederationFailed
from nbfed.files import write_whole
from nbfed.outcome.results import CROSS, FEDERATED, OWN
from nbfed.runs import BASELINES, EVENTS, RESULTS

if TYPE_CHECKING:
    from nbfed.emit import Build
    from nbfed.federation.schema import Federation
    from nbfed.outcome.results import Results

LOCAL = "local"
# The grid's pulls wait by themselves; this only keeps the loop from spinning.
_POLL_SECONDS = 0.0005
# The evaluations of every own model on every site's data grow with the square of the sites.
_MOST_CROSSED = 20
_EXACT = "full"


def simulate(
    build: Build,
    federation: Federation,
    *,
    run_dir: Path,
    workers: int | None = None,
    baselines: tuple[str, ...] = (LOCAL, POOLED),
    seed: int,
    config: Mapping[str, str | int | float | bool] | None = None,
) -> Results:
    """Run the federation of ``build`` and the ``baselines``; write all into ``run_dir``.

    ``workers`` are processes for the sites, by default one a core. ``config`` is run
    configuration to put in place of the build's own. Raises FederationFailed.
    """
    logging.getLogger("flwr").setLevel(logging.WARNING)
    server = ServerPackage(build)
    settings = server.settings(
        {
            **(config or {}),
            "rounds": federation.rounds,
            "seed": seed,
            "run-dir": str(run_dir),
            "engine": "embedded",
            "data-dir": str(notebook_folder(build)),
            "poll-seconds": _POLL_SECONDS,
        }
    )
    logs = run_dir / "site-logs"
    logs.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    with EmbeddedGrid(
        build.client,
        build.names.client_package,
        {site: _node_config(federation, site) for site in federation.sites},
        workdir=notebook_folder(build),
        workers=workers,
        pooled=POOLED in baselines,
        log_dir=logs,
        devices={site: own.device for site, own in federation.sites.items()},
    ) as grid:
        simulation = _Simulation(grid, server, settings, run_dir)
        with _timed(seconds, FEDERATED):
            outcome = simulation.federated(logs)
        if server.has_evaluate:
            with _timed(seconds, BASELINES):
                simulation.baselines(sorted(federation.sites), baselines)
            with _timed(seconds, "evaluation"):
                simulation.evaluate()
    results = compared(
        simulation.figures,
        train_examples=_train_examples(run_dir),
        rounds=outcome.rounds_done,
        seed=seed,
        seconds=seconds,
        evaluates=server.has_evaluate,
    )
    write_whole(run_dir / RESULTS, results.to_json())
    return results


class _Simulation:
    """The models that are trained, and their figures as they come in."""

    def __init__(
        self, grid: EmbeddedGrid, server: ServerPackage, settings: Any, run_dir: Path
    ) -> None:
        self._grid = grid
        self._server = server
        self._settings = settings
        self._run_dir = run_dir
        # Model, the sites on whose data it counts, and how its run ended.
        self._models: list[tuple[str, tuple[str, ...], Any]] = []
        self.figures = Figures()

    def federated(self, logs: Path) -> Any:
        """Run the federation itself; raises FederationFailed."""
        try:
            self._settings = self._server.settled(self._grid, self._settings)
            outcome = self._server.run(self._grid, self._settings)
        except WorkerError as error:
            hint = "install what the notebook imports into the environment that nbfed runs in"
            raise FederationFailed(f"the sites cannot start: {error}", hint=hint) from error
        if not outcome.good:
            hint = f"the whole traces of the sites are in {logs}/"
            why = [f" ({site}: {reason})" for site, reason in _failures(outcome.folder).items()]
            told = f"{outcome.reason}{why[0] if why else ''}"
            raise FederationFailed(f"the run ended early: {told}", hint=hint)
        self._models.append((FEDERATED, self._settings.sites, outcome))
        return outcome

    def baselines(self, sites: list[str], wanted: tuple[str, ...]) -> None:
        """Train each baseline; they do not wait for each other, as each has sites of its own."""
        jobs = [(POOLED, POOLED, tuple(sites))] if POOLED in wanted else []
        if LOCAL in wanted:
            jobs += [(OWN, site, (site,)) for site in sites]
        if not jobs:
            return
        baseline = partial(self._baseline, self._server.whole_weights(self._settings))
        with ThreadPoolExecutor(max_workers=len(self._grid.pids)) as threads:
            try:
                for model, counts_at, outcome in threads.map(baseline, jobs):
                    if outcome.good:
                        self._models.append((model, counts_at, outcome))
                    else:
                        why = _failures(outcome.folder).values()
                        self.figures.miss(model, counts_at, next(iter(why), outcome.reason))
            except BaseException:
                # Ctrl-C: without workers the other threads end at once, too.
                self._grid.close()
                raise

    def evaluate(self) -> None:
        """Evaluate all final models on the test data of the sites for which they count.

        A site's own model is tried on all other sites' data too.
        """
        everywhere = self._settings.sites
        crossed = len(everywhere) <= _MOST_CROSSED
        for model, sites, outcome in self._models:
            asked = everywhere if model == OWN and crossed else sites
            folder = str(outcome.folder)
            settings = replace(self._settings, sites=asked, min_sites=0, run_dir=folder)
            if model != FEDERATED:
                settings = replace(settings, transport_precision=_EXACT)
            found = self._server.evaluate(self._grid.only(asked), settings, outcome.arrays)
            self.figures.add(model, sites, found)
            if model == OWN and crossed:
                self.figures.add_cross(sites[0], found)
        if not crossed and any(model == OWN for model, *_ in self._models):
            reason = f"own models are tried on each other's data for up to {_MOST_CROSSED} sites"
            self.figures.miss(CROSS, [], reason)

    def _baseline(
        self, weights: Any, job: tuple[str, str, tuple[str, ...]]
    ) -> tuple[str, tuple[str, ...], Any]:
        model, site, counts_at = job
        name = POOLED if model == POOLED else f"{LOCAL}-{site}"
        settings = replace(
            self._settings,
            sites=(site,),
            min_sites=0,
            # An average over one site is that site's model, whatever the federation's strategy.
            strategy="fedavg",
            strategy_options={},
            # Each for all rounds: a baseline has no say in when to stop.
            best_metric="",
            stop_patience=0,
            stop_when="",
            # Its weights have no way to go.
            transport_precision=_EXACT,
            run_dir=str(self._run_dir / BASELINES / name),
        )
        view = self._grid.only([site])
        return model, counts_at, self._server.run_baseline(view, settings, weights)


def _node_config(federation: Federation, site: str) -> dict[str, Any]:
    own = federation.sites[site]
    values = {**own.params, **{f"param.{name}": value for name, value in own.overrides.items()}}
    # Flower's configuration holds scalars only.
    return {
        name: json.dumps(value) if isinstance(value, list) else value
        for name, value in values.items()
    }


def _train_examples(run_dir: Path) -> Mapping[str, int]:
    return {event["site"]: event["examples"] for event in _events(run_dir, "site-replied")}


def _failures(run_dir: Path) -> Mapping[str, str]:
    """The reason of each site that failed, by its name."""
    return {event["site"]: event["reason"] for event in _events(run_dir, "site-failed")}


def _events(run_dir: Path, name: str) -> list[dict[str, Any]]:
    lines = (run_dir / EVENTS).read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == name]


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[phase] = round(time.perf_counter() - start, 3)
