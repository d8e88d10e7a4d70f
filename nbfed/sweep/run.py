"""Run the points of a sweep, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nbfed.emit.run_config import run_config
from nbfed.engine.request import Request
from nbfed.engine.seeds import Around, simulate_seeds
from nbfed.errors import FederationFailed
from nbfed.sweep.axes import Point
from nbfed.sweep.ranking import Outcome
from nbfed.sweep.settings import federation_at

if TYPE_CHECKING:
    from nbfed.emit import Build
    from nbfed.federation.schema import Federation
    from nbfed.program import Program

POINTS = "points"
_DIGITS = 8
# Called with a point before it is run, and its number from 1.
Announce = Callable[[int, Point], None]


def run_points(
    points: Sequence[Point],
    build: Build,
    program: Program,
    federation: Federation,
    *,
    folder: Path,
    seeds: int,
    baselines: tuple[str, ...],
    workers: int | None,
    announce: Announce,
    around: Around,
) -> Iterator[Outcome]:
    """Run each point in a folder of its own below ``folder``; a point that fails is an outcome.

    The folder's name holds a digest of all that the point's figures depend on but the data: what
    was finished before is not run again, and what has changed since is. All points are checked
    before the first one is run; raises UsageError.
    """
    changed = [federation_at(point, federation, program) for point in points]
    for number, (point, settings) in enumerate(zip(points, changed, strict=True), 1):
        announce(number, point)
        config = run_config(program, settings)
        digest = Request.of(build, settings, config, baselines).digest[:_DIGITS]
        place = folder / POINTS / f"{point.slug}-{digest}"
        first = int(config["seed"])
        try:
            results = simulate_seeds(
                build,
                settings,
                run_dir=place,
                seeds=range(first, first + seeds),
                config=config,
                baselines=baselines,
                workers=workers,
                around=around,
            )
        except FederationFailed as error:
            yield Outcome(point, place, None, error.message)
        else:
            yield Outcome(point, place, results)
