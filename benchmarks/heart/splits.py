"""Is it worth it? heart.ipynb with other splits and seeds: own, pooled and federated models.

One split of 277 test rows says little: the models differ by a handful of patients.

    python -m benchmarks.heart.splits --seeds 10
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.heart.published import HOSPITALS
from benchmarks.heart.simulated import MODELS, Simulated, SimulationFailed, simulate

METRICS = {"accuracy": "accuracy", "test_loss": "loss"}


def table(runs: Sequence[Simulated], metric: str) -> dict[str, NDArray[np.float64]]:
    """Each model's metric [runs, hospitals]."""
    return {model: np.array([run.final(model, metric) for run in runs]) for model in MODELS}


def weights(runs: Sequence[Simulated]) -> NDArray[np.float64]:
    """Each hospital's share of the test rows."""
    evaluated = next(event for event in runs[0].events if event["event"] == "evaluated")
    rows = np.array([evaluated["sites"][name]["examples"] for name in HOSPITALS], dtype=float)
    return rows / rows.sum()


def lines(runs: Sequence[Simulated]) -> list[str]:
    share = weights(runs)
    made = [f"{'':<22}" + "".join(f"{name:>14}" for name in (*HOSPITALS, "by test rows"))]
    for metric, name in METRICS.items():
        values = table(runs, metric)
        for model, by_run in values.items():
            cells = [*by_run.mean(axis=0), (by_run @ share).mean()]
            made.append(f"{name:<10}{model:<12}" + "".join(f"{cell:>14.3f}" for cell in cells))
        better = (values["federated"] - values["own"]) @ share
        made.append(
            f"{'':<10}federated less own, by test rows: {better.mean():+.3f}, deviation over "
            f"{len(runs)} splits {better.std(ddof=1):.3f}"
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="how many, from 0 on")
    options = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory(prefix="nbfed-bench-") as folder:
        for seed in range(options.seeds):
            try:
                place = Path(folder) / str(seed)
                runs.append(simulate("heart.ipynb", "federation.yaml", seed, place))
            except SimulationFailed as error:
                sys.exit(str(error))
    print("\n".join(lines(runs)))


if __name__ == "__main__":
    main()
