"""A notebook run in a kernel as it stands, to be set beside what it compiles to.

The kernel gets what a federation adds and nothing else: the values that a federation's file gives,
the seed of each step before that step's first cell, and at the end a file of the weights and one of
the numbers that its names hold.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import torch
import yaml
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from safetensors.torch import load_file

from nbfed.outcome.summary import Summary
from nbfed.read.notebook import read_notebook
from nbfed.read.regions import find_regions
from nbfed.roles import Role
from nbfed.threads import threads_for

ROOT = Path(__file__).parents[2]
RANDOMNESS = (ROOT / "templates" / "shared" / "randomness.py").read_text(encoding="utf-8")
SITE = "only"
SEED = 11


@dataclass(frozen=True)
class Case:
    """A notebook, the values that make it small, and how its author names the model.

    ``params`` are the server's, ``site`` the site's. ``driver`` holds the calls that an author
    of a notebook with functions alone types below them, by the role that each belongs to.
    """

    notebook: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    site: Mapping[str, Any] = field(default_factory=dict)
    model: str = "model"
    driver: Mapping[Role, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The trained weights, and the numbers that are known by name after the evaluation."""

    weights: Mapping[str, torch.Tensor]
    numbers: Mapping[str, float]


def of_a_kernel(case: Case, out: Path) -> Outcome:
    """What the notebook holds when it ran from its first cell to its last."""
    notebook = nbformat.read(case.notebook, as_version=4)
    roles = _roles(case.notebook)
    values = "\n".join(
        f"{name} = {value!r}" for name, value in {**case.params, **case.site}.items()
    )
    cells = [new_code_cell(f"{RANDOMNESS}\ntorch.set_num_threads({threads_for(1)})")]
    seeded: set[Role] = set()
    last_setting = max((index for index, found in roles.items() if found & _SETTINGS), default=0)
    for index, cell in enumerate(notebook.cells, start=1):
        for role in sorted(roles.get(index, frozenset()) & _SCOPES.keys() - case.driver.keys()):
            if role not in seeded:
                cells.append(new_code_cell(_seeding(role)))
                seeded.add(role)
        cells.append(cell)
        if index == last_setting:
            cells.append(new_code_cell(values))
    if not last_setting:
        cells.append(new_code_cell(values))
    for role, call in case.driver.items():
        cells.append(new_code_cell(f"{_seeding(role)}\n{call}"))
    weights, numbers = out / "kernel.safetensors", out / "kernel.json"
    cells.append(new_code_cell(_OUTCOME.format(case.model, str(weights), str(numbers))))
    notebook.cells = cells
    folder = {"metadata": {"path": str(case.notebook.parent)}}
    NotebookClient(notebook, timeout=600, resources=folder).execute()
    return Outcome(load_file(weights), json.loads(numbers.read_text(encoding="utf-8")))


def of_a_federation(case: Case, out: Path) -> Outcome:
    """The weights after one round of a federation of a single site, and what the site reports."""
    federation = {
        "name": "truth",
        "rounds": 1,
        "seed": SEED,
        "strategy": "fedavg",
        "params": dict(case.params),
        "sites": {SITE: {"params": dict(case.site)}},
    }
    file = out / "federation.yaml"
    file.write_text(yaml.safe_dump(federation), encoding="utf-8")
    run = out / "run"
    command: Sequence[str] = (
        *(sys.executable, "-m", "nbfed", "simulate", str(case.notebook)),
        *("--federation", str(file), "--out", str(out / "dist"), "--run-dir", str(run)),
        *("--baselines", "none"),
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = Summary.read(run)
    assert found.phase == "evaluate"
    return Outcome(load_file(run / "model.safetensors"), found.sites[SITE])


_SETTINGS = frozenset({Role.PARAMS, Role.SITE})
_SCOPES: Mapping[Role, tuple[str | int, ...]] = {
    Role.DATA: ("data", SITE),
    Role.MODEL: ("model",),
    Role.TRAIN: ("train", SITE, 1),
    Role.EVALUATE: ("evaluate", SITE, 1),
}
# A number that a name holds, or an entry of a dictionary that one holds.
_OUTCOME = """
import json
from safetensors.torch import save_file
save_file({{name: value.contiguous() for name, value in {0}.state_dict().items()}}, {1!r})

def numbers_in(names):
    found = {{}}
    for name, value in names.items():
        if isinstance(value, dict) and not name.startswith("_"):
            found |= numbers_in(value)
        elif isinstance(value, (float, np.floating)):
            found[name] = float(value)
    return found

with open({2!r}, "w") as file:
    json.dump(numbers_in(dict(globals())), file)
"""


def _seeding(role: Role) -> str:
    return f"seed_everything({SEED}, {', '.join(repr(part) for part in _SCOPES[role])})"


def _roles(path: Path) -> dict[int, frozenset[Role]]:
    notebook, _ = read_notebook(path.read_bytes(), path.name)
    assert notebook is not None
    regions, _ = find_regions(notebook)
    roles: dict[int, frozenset[Role]] = {}
    for region in regions:
        roles[region.cell] = roles.get(region.cell, frozenset()) | {region.role}
    return roles
