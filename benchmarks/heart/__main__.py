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
from typing import Any

import numpy as np
import torch

from benchmarks.heart import published, reference
from benchmarks.heart.simulated import EXAMPLE, Simulated, SimulationFailed, simulate

RESULTS = Path(__file__).parent / "results.json"
OTHERS_FROM = 1000  # the first of the other seeds

# Accuracies [seeds, hospitals].
Table = np.ndarray[Any, np.dtype[np.float64]]


def published_fedavg() -> Table:
    return np.array(list(published.FEDAVG_RIGHT.values())) / np.array(published.TEST_ROWS)


def spread(accuracies: Table) -> tuple[float, float]:
    """Mean and deviation over the seeds of the mean over hospitals, each alike."""
    means = accuracies.mean(axis=1)
    return float(means.mean()), float(means.std())


def rows_apart(one: Table, other: Table) -> int:
    """Test rows, over all seeds and hospitals, by which the right answers differ."""
    return int(np.abs(np.rint((one - other) * np.array(published.TEST_ROWS))).sum())


def largest_difference(simulated: Sequence[Simulated], loop: Sequence[list[list[float]]]) -> float:
    """In any round, at any hospital, with any seed."""
    return max(
        float(np.abs(np.array(one.rounds) - np.array(other)).max())
        for one, other in zip(simulated, loop, strict=True)
    )


def line(name: str, accuracies: Table, note: str = "") -> str:
    seeds = " ".join(f"{value:.4f}" for value in accuracies.mean(axis=1))
    return f"{name:<34}{seeds}  {figure(spread(accuracies))}  {note}"


def figure(mean_and_deviation: tuple[float, float]) -> str:
    return "{:.4f} ± {:.4f}".format(*mean_and_deviation)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--others", type=int, default=20, help="other seeds for the plain loop")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the figures go as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    hospitals = [
        reference.read_hospital(EXAMPLE / "data" / f"{name}.csv") for name in published.HOSPITALS
    ]
    rows = " + ".join(map(str, published.TEST_ROWS))
    print(f"FedAvg: accuracy, unweighted mean over four hospitals ({rows} test rows)")
    print(
        f"{'':<34}" + " ".join(f"seed{seed:>2}" for seed in published.SEEDS) + "  mean ± deviation"
    )
    theirs = published_fedavg()
    print(line("published", theirs), flush=True)

    flamby_order = [
        reference.fedavg(hospitals, seed, nbfed_order=False)[-1] for seed in published.SEEDS
    ]
    first = np.array(flamby_order)
    total = len(published.SEEDS) * sum(published.TEST_ROWS)
    print(line("plain loop, rows drawn as FLamby", first, apart(first, theirs, total)), flush=True)
    loop = [reference.fedavg(hospitals, seed, nbfed_order=True) for seed in published.SEEDS]
    second = np.array([rounds[-1] for rounds in loop])
    print(line("plain loop, rows drawn as nbfed", second, apart(second, theirs, total)), flush=True)

    with tempfile.TemporaryDirectory(prefix="nbfed-bench-") as folder:
        try:
            runs = [simulate(seed, Path(folder) / str(seed)) for seed in published.SEEDS]
        except SimulationFailed as error:
            sys.exit(str(error))
    ours = np.array([run.rounds[-1] for run in runs])
    print(line("nbfed simulate", ours, apart(ours, theirs, total)), flush=True)
    difference = largest_difference(runs, loop)
    print(
        f"  nbfed against the plain loop with its order: largest difference of an accuracy, over "
        f"{reference.ROUNDS} rounds, hospitals and seeds: {difference:.1e}"
    )
    others = np.array(
        [
            reference.fedavg(hospitals, seed, nbfed_order=True)[-1]
            for seed in range(OTHERS_FROM, OTHERS_FROM + options.others)
        ]
    )
    if options.others:
        print(
            f"  plain loop, {options.others} other seeds: {figure(spread(others))}: most of the "
            "spread is the first weights'"
        )

    own = np.array([reference.own_site(hospitals, seed) for seed in published.SEEDS])
    both = np.array([reference.pooled(hospitals, seed) for seed in published.SEEDS])
    as_published, one_scale = both[:, 0], both[:, 1]
    own_rounds = np.array([run.own for run in runs])
    pooled_rounds = np.array([run.pooled for run in runs])
    print("\nOther models, mean ± deviation over the seeds")
    print(f"{'':<34}{'published':<17}{'plain loop':<17}nbfed simulate")
    print(
        f"{'own site, 50 epochs of Adam':<34}{figure(published.OWN_SITE)}  {figure(spread(own))}\n"
        f"{'pooled, 50 epochs of Adam':<34}{figure(published.POOLED)}  "
        f"{figure(spread(as_published))}\n"
        f"{'  tested with the scale it learnt':<34}{'':<17}{figure(spread(one_scale))}\n"
        f"{'own site, as many SGD steps':<34}{'':<34}{figure(spread(own_rounds))}\n"
        f"{'pooled, as many SGD steps':<34}{'':<34}{figure(spread(pooled_rounds))}"
    )
    figures = {
        "seeds": published.SEEDS,
        "test_rows": dict(zip(published.HOSPITALS, published.TEST_ROWS, strict=True)),
        "fedavg": {
            "published": theirs.tolist(),
            "loop_flamby_order": first.tolist(),
            "loop_nbfed_order": second.tolist(),
            "nbfed": ours.tolist(),
        },
        "largest_difference_to_loop": difference,
        "others": {"seeds": options.others, "mean_deviation": spread(others)}
        if options.others
        else None,
    }
    options.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"figures: {options.out}")


def apart(accuracies: Table, theirs: Table, total: int) -> str:
    return f"{rows_apart(accuracies, theirs)} of {total} answers differ from the published"


if __name__ == "__main__":
    main()
