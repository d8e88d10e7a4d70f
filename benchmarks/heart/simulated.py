"""flamby.ipynb by `nbfed simulate`, once for each seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.heart.published import HOSPITALS

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "heart-disease"

Accuracies = list[float]  # by hospital, in the order of HOSPITALS


@dataclass(frozen=True)
class Simulated:
    """Accuracies of one run: of every round's model, 0 first, and of the baselines."""

    rounds: list[Accuracies]
    own: Accuracies
    pooled: Accuracies


class SimulationFailed(Exception):
    """`nbfed simulate` ended badly; the text is how its output ends."""


def simulate(seed: int, folder: Path) -> Simulated:
    """Run the notebook's federation with this seed, and read what it left in ``folder``.

    The seed sets the run's randomness and, as the notebook's parameter SEED, the first weights.
    """
    folder.mkdir(parents=True)
    federation = yaml.safe_load((EXAMPLE / "flamby.yaml").read_text(encoding="utf-8"))
    # A copy elsewhere must not say where the notebook is; sites' paths are the notebook's anyway.
    del federation["notebook"]
    federation["params"]["SEED"] = seed
    file = folder / "federation.yaml"
    file.write_text(yaml.safe_dump(federation), encoding="utf-8")
    run = folder / "run"
    command = [sys.executable, "-m", "nbfed", "simulate", EXAMPLE / "flamby.ipynb"]
    command += ["--federation", file, "--seed", seed, "--run-dir", run, "--out", folder / "dist"]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        ending = "\n".join(done.stdout.splitlines()[-12:])
        raise SimulationFailed(f"nbfed simulate --seed {seed} failed:\n{ending}")
    return _read(run)


def _read(run: Path) -> Simulated:
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events: list[dict[str, Any]] = [json.loads(line) for line in lines]
    rounds = {
        event["round"]: [event["sites"][name]["metrics"]["accuracy"] for name in HOSPITALS]
        for event in events
        if event["event"] == "evaluated"
    }
    sites = results["sites"]
    return Simulated(
        [rounds[number] for number in sorted(rounds)],
        [sites[name]["own"]["accuracy"] for name in HOSPITALS],
        [sites[name]["pooled"]["accuracy"] for name in HOSPITALS],
    )
