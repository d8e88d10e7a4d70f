"""Measure a model of 101 MB at three sites: seconds, bytes and memory; in half precision too.

python -m benchmarks.large                 the federation, and stock SuperNodes beside it
python -m benchmarks.large --no-stock      without the stock SuperNodes, the slow part
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.attempts import Attempts
from benchmarks.engines import Study, build
from benchmarks.large import measure
from benchmarks.large.study import LARGE, Shape, study
from benchmarks.machine import keep, workplace
from benchmarks.precision import in_half

RESULTS = Path(__file__).parent / "results.json"
Figures = dict[str, Any]
Row = tuple[str, str, str]


def measured(work: Study, shape: Shape, attempts: Attempts, *, repeat: int, stock: bool) -> Figures:
    """Measure one thing after the other, so that none disturbs another."""
    made = build(work)
    found: Figures = {
        "model_bytes": shape.bytes,
        "sites": len(work.nodes),
        "rounds": work.rounds,
        "line_bytes_per_second": measure.LINE,
    }
    with attempts.part("the federation"):
        found |= repeated(work, made, shape, repeat)
    with attempts.part("the federation on a line"):
        found["line_round_seconds"], found["traffic"] = measure.on_a_line(work, made, shape)
    with attempts.part("half precision"):
        halved = in_half(work)
        halves = build(halved)
        found["half"] = repeated(halved, halves, shape, repeat)
        seconds, bytes_ = measure.on_a_line(halved, halves, shape)
        found["half"] |= {"line_round_seconds": seconds, "traffic": bytes_}
    with attempts.part("training in a plain loop"):
        found["training_memory"] = measure.training(work, shape)
    if stock:
        with attempts.part("an ordinary Flower App on stock SuperNodes"):
            seconds, bytes_ = measure.ordinary(work, shape)
            found["stock"] = {"round_seconds": seconds, "traffic": bytes_}
        with attempts.part("the same Flower App on stock SuperNodes"):
            seconds, bytes_ = measure.on_stock(work, made, shape)
            found["stock_one_trip"] = {"round_seconds": seconds, "traffic": bytes_}
    return found


def repeated(work: Study, made: Path, shape: Shape, repeat: int) -> Figures:
    """Run the federation so many times."""
    runs = [measure.federation(work, made, shape, number) for number in range(1, repeat + 1)]
    return {
        "round_seconds": [seconds for seconds, _ in runs],
        # The worst of all runs: a peak is not to be exceeded.
        "memory": {
            name: max(peaks.processes[name] for _, peaks in runs) for name in runs[0][1].processes
        },
        "server_memory": max(peaks.server for _, peaks in runs),
    }


def table(found: Figures) -> str:
    """The figures that there are, beside what they are to be at most."""
    head = f"{found['model_bytes'] / 1e6:.0f} MB, {found['sites']} sites, {found['rounds']} rounds"
    rows = [*_federation_rows(found), *_stock_rows(found)]
    if "half" in found:
        rows += [("with half precision:", "", ""), *_federation_rows(found["half"])]
    lines = [f"{head:<46}{'':>9}{'at most':>9}"]
    return "\n".join(lines + [f"{what:<46}{value:>9}{most:>9}" for what, value, most in rows])


def _federation_rows(found: Figures) -> Iterator[Row]:
    """The rows of one federation, of which parts may not have been measured."""
    mine = statistics.median(found.get("round_seconds", [math.nan]))
    if "round_seconds" in found:
        yield "seconds of a round", f"{mine:.1f}", ""
    if "traffic" in found:
        yield "  on lines of 100 Mbit/s, one run", f"{found['line_round_seconds']:.1f}", ""
        yield "bytes of a site and round, x model", f"{max(found['traffic'].values()):.3f}", "2.05"
    if "memory" in found:
        at_sites = {name: times for name, times in found["memory"].items() if name[:4] == "site"}
        yield "memory above idle, x model: a site", f"{max(at_sites.values()):.1f}", "4.5"
        if "training_memory" in found:
            yield "  a plain loop's training", f"{found['training_memory']:.1f}", ""
        yield "  the server's process", f"{found['memory']['server']:.1f}", ""
        yield "  the SuperLink's", f"{found['memory']['superlink']:.1f}", ""
        yield "  the gateway's", f"{found['memory']['gateway']:.1f}", ""
        most = f"{3 + len(at_sites)}"
        yield "  all three at one time", f"{found['server_memory']:.1f}", most


def _stock_rows(found: Figures) -> Iterator[Row]:
    mine = statistics.median(found.get("round_seconds", [math.nan]))
    for key, what, most in (
        ("stock", "stock SuperNodes, an ordinary Flower App", "0.20"),
        ("stock_one_trip", "stock SuperNodes, nbfed's Flower App", ""),
    ):
        if key in found:
            stock = found[key]["round_seconds"]
            yield f"{what}, one run:", "", ""
            yield "  seconds of a round", f"{stock:.1f}", ""
            yield "  the federation's share of it", f"{mine / stock:.2f}", most
            yield "  its bytes, x model", f"{max(found[key]['traffic'].values()):.3f}", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sites", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3, help="runs of the federation")
    parser.add_argument("--width", type=int, default=LARGE.width)
    parser.add_argument("--layers", type=int, default=LARGE.layers)
    parser.add_argument("--no-stock", action="store_true", help="leave the stock SuperNodes out")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the figures go as JSON")
    parser.add_argument("--keep", type=Path, help="keep logs and runs in this (new) folder")
    options = parser.parse_args()
    shape, attempts = Shape(options.width, options.layers), Attempts()
    with workplace(options.keep) as folder:
        work = study(folder / "large", shape, sites=options.sites, rounds=options.rounds)
        stock = not options.no_stock
        found = measured(work, shape, attempts, repeat=options.repeat, stock=stock)
    print(table(found))
    keep(options.out, found | {"failed": attempts.failed})
    attempts.end()


if __name__ == "__main__":
    main()
