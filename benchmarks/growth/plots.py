"""The curves as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.growth.measure import Point

_MB = 1e6
_INCHES = (8, 3.2)


def by_sites(points: Sequence[Point], file: Path) -> None:
    """Plot the seconds of a round and site, and the memory, over the number of sites."""
    figure = Figure(_INCHES, layout="constrained")
    left, right = figure.subplots(1, 2)
    sites = [point.sites for point in points]
    left.plot(sites, [1000 * point.seconds_per_site for point in points], marker="o")
    left.set(xlabel="sites", ylabel="milliseconds of a round and site", xscale="log")
    right.plot(sites, [point.memory / _MB for point in points], marker="o")
    right.set(xlabel="sites", ylabel="memory of all processes, MB", xscale="log")
    for axes in (left, right):
        axes.set_ylim(bottom=0)
        axes.set_xticks(sites, map(str, sites))
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    _save(figure, file, f"sites simulated, a model of {points[0].model_bytes / _MB:.1f} MB")


def by_size(points: Sequence[Point], file: Path) -> None:
    """Plot the seconds of a round, and the memory, over the size of the model."""
    figure = Figure(_INCHES, layout="constrained")
    left, right = figure.subplots(1, 2)
    for engine in dict.fromkeys(point.engine for point in points):
        of_it = [point for point in points if point.engine == engine]
        sizes = [point.model_bytes / _MB for point in of_it]
        left.plot(sizes, [point.round_seconds for point in of_it], marker="o", label=engine)
        if any(point.memory for point in of_it):
            right.plot(sizes, [point.memory / _MB for point in of_it], marker="o", label=engine)
    left.set(xlabel="model, MB", ylabel="seconds of a round")
    right.set(xlabel="model, MB", ylabel="memory of all processes, MB")
    for axes in (left, right):
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.legend()
        axes.grid(alpha=0.3)
    _save(figure, file, f"{points[0].sites} sites, models of growing size")


def _save(figure: Figure, file: Path, title: str) -> None:
    figure.suptitle(title)
    file.parent.mkdir(parents=True, exist_ok=True)
    # The same figures give the same bytes.
    figure.savefig(file, format="svg", metadata={"Date": None})
