"""Accuracy on Fed-Heart-Disease: published, by a plain loop, and by `nbfed simulate`.

make bench-heart                            some minutes
python -m benchmarks.heart --others 60      more seeds for the spread over first weights
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.heart import reference, report
from benchmarks.heart.published import HOSPITALS, SEEDS
from benchmarks.heart.reference import Hospital
from benchmarks.heart.simulated import EXAMPLE, Simulated, SimulationFailed, simulate

RESULTS = Path(__file__).parent / "results.json"
OTHERS_FROM = 1000  # the first of the other seeds


def simulate_all() -> list[Simulated]:
    with tempfile.TemporaryDirectory(prefix="nbfed-bench-") as folder:
        return [
            simulate("flamby.ipynb", "flamby.yaml", seed, Path(folder) / str(seed))
            for seed in SEEDS
        ]


def largest_difference(simulated: Sequence[Simulated], loop: Sequence[list[list[float]]]) -> float:
    """Of an accuracy, in any round, at any hospital, with any seed."""
    return max(
        float(np.abs(np.array(one.rounds()) - np.array(other)).max())
        for one, other in zip(simulated, loop, strict=True)
    )


def compare_fedavg(hospitals: Sequence[Hospital], others: int, out: Path) -> list[Simulated]:
    """Print FedAvg's figures as they come, write them to ``out``; return nbfed's runs."""
    tables = {"published": report.published_fedavg()}
    print(report.heading())
    print(report.line("published", tables["published"]), flush=True)

    def show(name: str, key: str, accuracies: list[list[float]]) -> None:
        tables[key] = np.array(accuracies)
        print(report.line(name, tables[key]), flush=True)

    flamby = [reference.fedavg(hospitals, seed, nbfed_order=False)[-1] for seed in SEEDS]
    show("plain loop, rows drawn as FLamby", "loop_flamby_order", flamby)
    loop = [reference.fedavg(hospitals, seed, nbfed_order=True) for seed in SEEDS]
    show("plain loop, rows drawn as nbfed", "loop_nbfed_order", [rounds[-1] for rounds in loop])
    runs = simulate_all()
    show("nbfed simulate", "nbfed", [run.rounds()[-1] for run in runs])
    if others:
        seeds = range(OTHERS_FROM, OTHERS_FROM + others)
        more = [reference.fedavg(hospitals, seed, nbfed_order=True)[-1] for seed in seeds]
        tables["loop_other_seeds"] = np.array(more)
        print(report.other_seeds(tables["loop_other_seeds"]))
    difference = largest_difference(runs, loop)
    print(report.agreement(difference))
    out.write_text(json.dumps(report.as_record(tables, difference), indent=2) + "\n")
    return runs


def compare_others(hospitals: Sequence[Hospital], runs: Sequence[Simulated]) -> None:
    pooled = np.array([reference.pooled(hospitals, seed) for seed in SEEDS])
    models = report.Models(
        own=np.array([reference.own_site(hospitals, seed) for seed in SEEDS]),
        pooled=pooled[:, 0],
        pooled_one_scale=pooled[:, 1],
        own_rounds=np.array([run.final("own") for run in runs]),
        pooled_rounds=np.array([run.final("pooled") for run in runs]),
    )
    print("\n" + "\n".join(report.other_models(models)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--others", type=int, default=20, help="other seeds for the plain loop")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the figures go as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    hospitals = [reference.read_hospital(EXAMPLE / "data" / f"{name}.csv") for name in HOSPITALS]
    try:
        runs = compare_fedavg(hospitals, options.others, options.out)
    except SimulationFailed as error:
        sys.exit(str(error))
    compare_others(hospitals, runs)
    print(f"figures: {options.out}")


if __name__ == "__main__":
    main()
