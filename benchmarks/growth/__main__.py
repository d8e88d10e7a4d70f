"""Measure how a round's seconds and memory grow with the sites, and with the model; plot both.

python -m benchmarks.growth                         3 to 300 sites, models of 1 to 200 MB
python -m benchmarks.growth --sites 3,10 --sizes 1  fewer points
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.attempts import Attempts
from benchmarks.growth.measure import Point, federated, simulated
from benchmarks.growth.plots import by_sites, by_size
from benchmarks.large.study import Shape
from benchmarks.machine import keep, workplace

OUT = Path(__file__).parent / "out"
SITES = (3, 10, 30, 100, 300)
SIZES = (1, 10, 50, 100, 200)  # MB
SITES_OF_SIZES = 3
_LAYER_MB = 4.2  # of width 1,024
_SMALL = Shape(256, 4)  # 1.05 MB

# What it is called, and how it is measured.
Job = tuple[str, Callable[[], Point]]


def shape_of(megabytes: float) -> Shape:
    """A model of about that size."""
    return _SMALL if megabytes < _LAYER_MB else Shape(1024, round(megabytes / _LAYER_MB))


def site_points(folder: Path, sites: list[int], rounds: int) -> Iterator[Job]:
    """Simulate ever more sites with a small model."""
    for number in sites:
        place = folder / f"sites-{number}"
        yield (
            f"{number} sites",
            partial(simulated, place, _SMALL, sites=number, rounds=rounds),
        )


def size_points(folder: Path, sizes: list[float], rounds: int) -> Iterator[Job]:
    """Simulate and run three sites with ever larger models."""
    for size in sizes:
        shape = shape_of(size)
        for measure in (simulated, federated):
            place = folder / f"size-{size:g}-{measure.__name__}"
            yield (
                f"{size:g} MB, {measure.__name__}",
                partial(measure, place, shape, sites=SITES_OF_SIZES, rounds=rounds),
            )


def measured(jobs: Iterator[Job], attempts: Attempts) -> list[Point]:
    """Measure one after the other; print each, and leave out what fails."""
    found = []
    for name, job in jobs:
        with attempts.part(name):
            found.append(job())
            print(row(found[-1]), flush=True)
    return found


def row(point: Point) -> str:
    """A line of the table."""
    memory = f"{point.memory / 1e6:.0f}" if point.memory else ""
    return (
        f"{point.engine:<12}{point.sites:>6}{point.model_bytes / 1e6:>10.1f}"
        f"{point.round_seconds:>10.2f}{1000 * point.seconds_per_site:>12.1f}{memory:>10}"
    )


def header() -> str:
    """The head of the table."""
    return (
        f"{'':<12}{'sites':>6}{'model':>10}{'round':>10}{'and site':>12}{'memory':>10}\n"
        f"{'':<12}{'':>6}{'MB':>10}{'s':>10}{'ms':>12}{'MB':>10}"
    )


def numbers(text: str) -> list[float]:
    """Read numbers with commas between them."""
    return [float(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sites", type=numbers, default=list(SITES), metavar="N,N")
    parser.add_argument("--sizes", type=numbers, default=list(SIZES), metavar="MB,MB")
    parser.add_argument("--rounds", type=int, default=4, help="the first one is not counted")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of plots and figures")
    parser.add_argument("--keep", type=Path, help="keep logs and runs in this (new) folder")
    options = parser.parse_args()
    print(header(), flush=True)
    attempts = Attempts()
    with workplace(options.keep) as folder:
        numbers_of_sites = [int(number) for number in options.sites]
        sites = measured(site_points(folder, numbers_of_sites, options.rounds), attempts)
        sizes = measured(size_points(folder, options.sizes, options.rounds), attempts)
    for points, plot, name in ((sites, by_sites, "sites.svg"), (sizes, by_size, "sizes.svg")):
        if points:
            plot(points, options.out / name)
            print(f"plot: {options.out / name}")
    records = [point.record() for point in (*sites, *sizes)]
    keep(options.out / "growth.json", {"points": records, "failed": attempts.failed})
    attempts.end()


if __name__ == "__main__":
    main()
