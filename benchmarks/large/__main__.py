"""Measure a model of 101 MB at three sites: a round's seconds, bytes and memory.

python -m benchmarks.large                 the federation, and stock SuperNodes beside it
python -m benchmarks.large --no-stock      without the stock SuperNodes, the slow part
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.engines import Study, build
from benchmarks.large import measure
from benchmarks.large.study import LARGE, Shape, study
from benchmarks.machine import keep, workplace
from benchmarks.processes import Failed

RESULTS = Path(__file__).parent / "results.json"
Figures = dict[str, Any]


def measured(work: Study, shape: Shape, *, repeat: int, stock: bool) -> Figures:
    """Measure one thing after the other, so that none disturbs another."""
    made = build(work)
    turns = range(1, repeat + 1)
    runs = [measure.federation(work, made, shape, number) for number in turns]
    found: Figures = {
        "model_bytes": shape.bytes,
        "sites": len(work.nodes),
        "rounds": work.rounds,
        "round_seconds": [seconds for seconds, _ in runs],
        "direct_round_seconds": [measure.direct(work, made, number) for number in turns],
        "traffic": measure.traffic(work, made, shape),
        # The worst of all runs: a peak is not to be exceeded.
        "memory": {
            name: max(peaks.processes[name] for _, peaks in runs) for name in runs[0][1].processes
        },
        "server_memory": max(peaks.server for _, peaks in runs),
        "training_memory": measure.training(work, shape),
    }
    if stock:
        found["stock_round_seconds"], found["stock_traffic"] = measure.stock(work, made, shape)
    return found


def table(found: Figures) -> str:
    """The figures beside what they are to be at most."""
    sites = found["sites"]
    mine = statistics.median(found["round_seconds"])
    direct = statistics.median(found["direct_round_seconds"])
    at_sites = [times for name, times in found["memory"].items() if name.startswith("site")]
    rows = [
        ("seconds of a round, federation", f"{mine:.1f}", ""),
        ("  the same past the gateway", f"{direct:.1f}", ""),
        ("  the gateway's ratio", f"{mine / direct:.2f}", ""),
        ("bytes of a site and round, x model", f"{max(found['traffic'].values()):.3f}", "2.05"),
        ("memory above idle, x model: a site", f"{max(at_sites):.1f}", "4.5"),
        ("  a plain loop's training", f"{found['training_memory']:.1f}", ""),
        ("  the server's process", f"{found['memory']['server']:.1f}", f"{3 + sites}"),
        ("  the SuperLink's", f"{found['memory']['superlink']:.1f}", ""),
        ("  the gateway's", f"{found['memory']['gateway']:.1f}", ""),
        ("  all three at one time", f"{found['server_memory']:.1f}", ""),
    ]
    if "stock_round_seconds" in found:
        stock = found["stock_round_seconds"]
        bytes_ = max(found["stock_traffic"].values())
        rows += [
            ("seconds of a round, stock SuperNodes", f"{stock:.1f}", ""),
            ("  the federation's share of it", f"{mine / stock:.2f}", "0.20"),
            ("  their bytes, x model", f"{bytes_:.3f}", ""),
        ]
    head = f"{found['model_bytes'] / 1e6:.0f} MB, {sites} sites, {found['rounds']} rounds"
    lines = [f"{head:<42}{'':>9}{'at most':>9}"]
    return "\n".join(lines + [f"{what:<42}{value:>9}{most:>9}" for what, value, most in rows])


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
    shape = Shape(options.width, options.layers)
    with workplace(options.keep) as folder:
        work = study(folder / "large", shape, sites=options.sites, rounds=options.rounds)
        try:
            found = measured(work, shape, repeat=options.repeat, stock=not options.no_stock)
        except Failed as error:
            sys.exit(f"benchmark stopped: {error}")
    print(table(found))
    keep(options.out, found)


if __name__ == "__main__":
    main()
