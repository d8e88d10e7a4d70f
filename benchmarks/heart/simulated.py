"""A notebook of examples/heart-disease by `nbfed simulate`, once for each seed."""

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

MODELS = ("own", "pooled", "federated")


@dataclass(frozen=True)
class Simulated:
    """What one run left: its events, and each model's metrics by site and name."""

    events: list[dict[str, Any]]
    sites: dict[str, dict[str, dict[str, float]]]

    def rounds(self) -> list[list[float]]:
        """Accuracies of every round's model, 0 first, by hospital."""
        rounds = {
            event["round"]: [event["sites"][name]["metrics"]["accuracy"] for name in HOSPITALS]
            for event in self.events
            if event["event"] == "evaluated"
        }
        return [rounds[number] for number in sorted(rounds)]

    def final(self, model: str, metric: str = "accuracy") -> list[float]:
        """A metric of one of MODELS at the end, by hospital."""
        return [self.sites[name][model][metric] for name in HOSPITALS]


class SimulationFailed(Exception):
    """`nbfed simulate` ended badly; the text is how its output ends."""


def simulate(notebook: str, federation_file: str, seed: int, folder: Path) -> Simulated:
    """Run a notebook's federation with this seed, and read what it left in ``folder``.

    The seed sets the run's randomness, and the notebook's parameter SEED.
    """
    folder.mkdir(parents=True)
    federation = yaml.safe_load((EXAMPLE / federation_file).read_text(encoding="utf-8"))
    # A copy elsewhere must not say where the notebook is; sites' paths are the notebook's anyway.
    del federation["notebook"]
    federation["params"]["SEED"] = seed
    file = folder / "federation.yaml"
    file.write_text(yaml.safe_dump(federation), encoding="utf-8")
    run = folder / "run"
    command = [sys.executable, "-m", "nbfed", "simulate", EXAMPLE / notebook]
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
    return Simulated([json.loads(line) for line in lines], results["sites"])
