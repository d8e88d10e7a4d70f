"""Export a run: the file, and the model card beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbfed.errors import NbfedError, OutputRefused
from nbfed.export.build_of_run import build_of_run, run_facts
from nbfed.export.card import CARD, model_card
from nbfed.notebook.weights import BEST, MODEL, read_weights

SAFETENSORS = "safetensors"
SUFFIXES = {"onnx": "onnx", "torchscript": "pt", SAFETENSORS: "safetensors"}


@dataclass(frozen=True)
class Exported:
    """The file, how it was checked, and the model's inputs ([] for weights alone).

    ``kept`` tells that there was a card before, which somebody may have filled in.
    """

    file: Path
    card: Path
    kept: bool
    checked: str = ""
    inputs: tuple[str, ...] = ()


def export(
    run: Path,
    form: str,
    *,
    out: Path,
    build: Path | None,
    best: bool,
    shapes: Sequence[str],
    dtypes: Sequence[str],
    force: bool,
    debug: bool = False,
) -> Exported:
    """Write the run's model to ``out``, with its card.

    A card that is there already is kept. Raises OutputRefused where the file is there already,
    UsageError and NbfedError where it cannot be exported; nothing is then written.
    """
    file, card = out / f"{run_facts(run)['name']}.{SUFFIXES[form]}", out / CARD
    if file.exists() and not force:
        raise OutputRefused(f"{file} is there already", hint="say --force, or another --out")
    planned = Exported(file, card, kept=card.exists() and not force)
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / file.name
        if form == SAFETENSORS:
            read_weights(run, best=best)  # whole, or an error
            shutil.copyfile(run / (BEST if best else MODEL), aside)
            made = replace(planned, checked="is the run's own file")
        else:
            made = _by_child(
                {
                    "run": str(run),
                    "build": str(build_of_run(run, build).folder),
                    "format": form,
                    "file": str(aside),
                    "best": best,
                    "shapes": list(shapes),
                    "dtypes": list(dtypes),
                },
                planned,
                debug=debug,
            )
        out.mkdir(parents=True, exist_ok=True)
        shutil.move(aside, file)
    if not made.kept:
        card.write_text(model_card(run, made, best=best), encoding="utf-8")
    return made


def _by_child(asked: dict[str, object], planned: Exported, *, debug: bool) -> Exported:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "nbfed.export.child", json.dumps(asked)],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if debug:
        sys.stderr.write(done.stderr)
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise NbfedError(f"the exporting process ended with code {done.returncode}") from None
    if "error" in told:
        raise NbfedError(told["error"], hint=told["hint"])
    return replace(planned, checked=told["checked"], inputs=tuple(told["inputs"]))
