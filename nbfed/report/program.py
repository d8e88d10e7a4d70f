"""The program of a run: which lines of the notebook became which part, kept with the run."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbfed.emit import Build

PROGRAM = "program.json"

# The generated modules that hold lines of the notebook, and their roles, in the order of a run.
_PARTS = {
    "params.py": ("params", "server and sites"),
    "site_config.py": ("site", "each site, from its own site.yaml"),
    "data.py": ("data", "each site"),
    "model.py": ("model", "server and sites"),
    "train.py": ("train", "each site, every round"),
    "evaluate.py": ("evaluate", "each site"),
    "strategy_cell.py": ("strategy", "server"),
}
# Above the lines of each cell.
_CELL = re.compile(r"^ *# %% .*:cell (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """One role: where it runs, the cells that it came from, and the generated module."""

    role: str
    where: str
    cells: tuple[int, ...]
    file: str
    code: str


@dataclass(frozen=True)
class ProgramRecord:
    """What a build was made of: the notebook's name, and its parts."""

    notebook: str
    nbfed: str
    client_digest: str
    server_digest: str
    parts: tuple[Part, ...]


def keep_program(build: Build, run: Path) -> None:
    """Write program.json beside the run's events, so that a report needs no build any more."""
    text = json.dumps(asdict(program_of(build.folder)), indent=2)
    (run / PROGRAM).write_text(f"{text}\n", encoding="utf-8")


def read_program(run: Path) -> ProgramRecord | None:
    """The program that was kept with a run; None where there is none that can be read."""
    try:
        record: dict[str, Any] = json.loads((run / PROGRAM).read_text(encoding="utf-8"))
        parts = tuple(Part(**{**part, "cells": tuple(part["cells"])}) for part in record["parts"])
        return ProgramRecord(**{**record, "parts": parts})
    except (OSError, KeyError, TypeError, ValueError):
        return None


def program_of(folder: Path) -> ProgramRecord:
    """The program of a build's folder; raises OSError or ValueError where it is not whole."""
    manifest = json.loads((folder / "build.json").read_text(encoding="utf-8"))
    parts: dict[str, Part] = {}
    for side in ("client", "server"):
        package = folder / side / f"{manifest['name'].replace('-', '_')}_{side}"
        for file, (role, where) in _PARTS.items():
            if file in parts or not (package / file).is_file():
                continue
            code = (package / file).read_text(encoding="utf-8")
            cells = tuple(sorted({int(cell) for cell in _CELL.findall(code)}))
            parts[file] = Part(role, where, cells, file, code)
    return ProgramRecord(
        Path(manifest["notebook"]).name,
        manifest["nbfed"],
        manifest["client_digest"],
        manifest["server_digest"],
        tuple(parts[file] for file in _PARTS if file in parts),
    )
