"""Time the engines side by side on the digits workload, and compare their accuracies.

python -m benchmarks.digits                 all engines
python -m benchmarks.digits --no-stock      without the stock SuperNodes, the slow part
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.attempts import Attempts
from benchmarks.digits import engines
from benchmarks.digits.engines import Measurement
from benchmarks.digits.make_data import ensure_files
from benchmarks.engines import Study, build

RESULTS = Path(__file__).parent / "results.json"
DRIFT = 0.15  # among runs of the loop; above, other work has disturbed the figures
TOLERANCE = 1e-6  # of a weighted accuracy; one of the 1,000 test images more or less is 1e-3


def measurements(
    work: Study, attempts: Attempts, *, repeat: int, stock: bool
) -> Iterator[Measurement]:
    """One engine after the other, so that none disturbs another; the loop comes first.

    All are set beside the loop's first run: without it nothing is measured.

    The stock SuperNodes are measured once: they take longer than all the others together.
    """
    made = build(work)
    for number in range(1, repeat + 1):
        turn = replace(work, folder=work.folder / str(number))
        jobs: dict[str, Callable[[], Measurement]] = {
            "loop": partial(engines.loop, turn),
            "one worker": partial(engines.simulate, turn, 1),
            "two workers": partial(engines.simulate, turn, 2),
            "half precision": partial(engines.in_half, turn),
            "federation": partial(engines.federation, turn, made),
        }
        for name, job in jobs.items():
            with attempts.part(f"{name}, run {number}"):
                yield job()
            if attempts.failed == ["loop, run 1"]:
                return
    if stock:
        with attempts.part("an ordinary Flower App on stock SuperNodes"):
            yield engines.ordinary(work)
        with attempts.part("nbfed's Flower App on stock SuperNodes"):
            yield engines.on_stock(work, made)


def medians(found: list[Measurement]) -> list[Measurement]:
    """Each engine's run of median seconds, in the order in which the engines came.

    Of an even number of runs it is the slower one of the two in the middle.
    """
    runs: dict[str, list[Measurement]] = {}
    for one in found:
        runs.setdefault(one.engine, []).append(one)
    return [sorted(of, key=lambda run: run.seconds)[len(of) // 2] for of in runs.values()]


def drift(found: list[Measurement]) -> float:
    """How much longer the loop's slowest run took than its fastest, as a share of it."""
    loops = [one.seconds for one in found if one.engine == found[0].engine]
    return max(loops) / min(loops) - 1


def difference(one: Measurement, other: Measurement) -> float:
    """The largest difference between two engines' accuracies in any round that both evaluated."""
    both = one.accuracies.keys() & other.accuracies.keys()
    return max(abs(one.accuracies[number] - other.accuracies[number]) for number in both)


def row(measured: Measurement, loop: Measurement) -> str:
    ratio = measured.seconds / loop.seconds
    apart = difference(measured, loop)
    agrees = "same" if apart <= TOLERANCE else f"differ by {apart:.4f}"
    trained = sorted(measured.accuracies.items())
    accuracies = " ".join(f"{value:.4f}"[1:] for number, value in trained if number)
    return (
        f"{measured.engine:<33}{measured.seconds:>9.1f}{ratio:>8.2f}"
        f"{measured.total:>9.1f}  {accuracies}  {agrees}"
    )


def header(rounds: int) -> str:
    accuracies = "weighted accuracy by round"
    width = max(len(accuracies), 6 * rounds - 1)
    return (
        f"{'':<33}{'rounds':>9}{'x loop':>8}{'in all':>9}"
        f"  {accuracies:<{width}}  accuracies\n{'':<33}{'s':>9}{'':>8}{'s':>9}"
    )


def record(work: Study, found: list[Measurement]) -> dict[str, Any]:
    """The figures with what they depend on, for results.json: all runs, and the median ones."""
    middle = medians(found)
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "threads": work.threads,
        "machine": platform.machine(),
        "versions": {name: version(name) for name in ("torch", "flwr", "numpy")}
        | {"python": platform.python_version()},
        "rounds": work.rounds,
        "seed": work.seed,
        "runs": [asdict(one) for one in found],
        "medians": [
            {
                "engine": one.engine,
                "seconds": one.seconds,
                "ratio_to_loop": one.seconds / middle[0].seconds,
                "largest_accuracy_difference": difference(one, middle[0]),
            }
            for one in middle
        ],
        "loop_drift": drift(found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each engine but stock")
    parser.add_argument("--no-stock", action="store_true", help="leave the stock SuperNodes out")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the figures go as JSON")
    parser.add_argument("--keep", type=Path, help="keep logs and runs in this (new) folder")
    options = parser.parse_args()
    ensure_files()
    with tempfile.TemporaryDirectory(prefix="nbfed-bench-") as temporary:
        work = engines.study(
            options.rounds, options.seed, (options.keep or Path(temporary)).resolve()
        )
        found: list[Measurement] = []
        attempts = Attempts()
        print(header(options.rounds), flush=True)
        stock = not options.no_stock
        for one in measurements(work, attempts, repeat=options.repeat, stock=stock):
            found.append(one)
            print(row(one, found[0]), flush=True)
    if not found:
        attempts.end()
    middle = medians(found)
    print(f"\nmedians of {options.repeat} runs each (stock: of one)")
    print("\n".join(row(one, middle[0]) for one in middle))
    if drift(found) > DRIFT:
        print(f"note: runs of the loop are {drift(found):.0%} apart, so this machine was busy")
    figures = record(work, found) | {"failed": attempts.failed}
    options.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"figures: {options.out}")
    attempts.end()


if __name__ == "__main__":
    main()
