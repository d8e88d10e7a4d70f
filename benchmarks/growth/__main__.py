"""Measure how a round's seconds and memory grow with the sites, and with the model; plot both.

python -m benchmarks.growth                         3 to 300 sites, models of 1 to 200 MB
python -m benchmarks.growth --sites 3,10 --sizes 1  fewer points
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.growth.measure import Point, federated, simulated
from benchmarks.growth.plots import by_sites, by_size
from benchmarks.large.study import Shape
from benchmarks.machine import keep, workplace
from benchmarks.processes import Failed

OUT = Path(__file__).parent / "out"
SITES = (3, 10, 30, 100, 300)
SIZES = (1, 10, 50, 100, 200)  # MB
SITES_OF_SIZES = 3
_LAYER_MB = 4.2  # of width 1,024
_SMALL = Shape(256, 4)  # 1.05 MB


def shape_of(megabytes: float) -> Shape:
    """A model of about that size."""
    return _SMALL if megabytes < _LAYER_MB else Shape(1024, round(megabytes / _LAYER_MB))


def site_points(folder: Path, sites: list[int], rounds: int) -> Iterator[Point]:
    """Simulate ever more sites with a small model."""
    for number in sites:
        yield simulated(folder / f"sites-{number}", _SMALL, sites=number, rounds=rounds)


def size_points(folder: Path, sizes: list[float], rounds: int) -> Iterator[Point]:
    """Simulate and run three sites with ever larger models."""
    for size in sizes:
        shape = shape_of(size)
        for measure in (simulated, federated):
            place = folder / f"size-{size:g}-{measure.__name__}"
            yield measure(place, shape, sites=SITES_OF_SIZES, rounds=rounds)


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
    found: list[Point] = []
    with workplace(options.keep) as folder:
        try:
            for point in site_points(folder, [int(n) for n in options.sites], options.rounds):
                found.append(point)
                print(row(point), flush=True)
            more = len(found)
            for point in size_points(folder, options.sizes, options.rounds):
                found.append(point)
                print(row(point), flush=True)
        except Failed as error:
            sys.exit(f"benchmark stopped: {error}")
    by_sites(found[:more], options.out / "sites.svg")
    by_size(found[more:], options.out / "sizes.svg")
    print(f"plots: {options.out / 'sites.svg'} and {options.out / 'sizes.svg'}")
    keep(options.out / "growth.json", {"points": [point.record() for point in found]})


if __name__ == "__main__":
    main()
