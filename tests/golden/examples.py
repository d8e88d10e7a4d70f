"""The examples whose output is kept here, and how it is made."""

from __future__ import annotations

import re
from pathlib import Path

from nbfed.compilation import compile_sources
from nbfed.emit import MANIFEST, build_files
from nbfed.sources import read_sources

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).resolve().parent

# Folder below tests/golden -> notebook and federation.yaml below examples/.
EXAMPLES = {
    "heart": ("heart-disease/heart.ipynb", "heart-disease/federation.yaml"),
    "flamby": ("heart-disease/flamby.ipynb", "heart-disease/flamby.yaml"),
    "clinics": ("clinics/clinics.ipynb", "clinics/federation.yaml"),
    "ecg": ("ecg/ecg.ipynb", "ecg/federation.yaml"),
    "pathology": ("pathology/pathology.ipynb", "pathology/federation.yaml"),
    "segmentation": ("segmentation/segmentation.ipynb", "segmentation/federation.yaml"),
    "shapes": ("notebook-federator/shapes.ipynb", "notebook-federator/federation.yaml"),
}
# By package and name: the modules that are the same whatever the notebook is.
COPIED = {
    (part, path.name): path.read_bytes()
    for part in ("server", "client")
    for folder in (f"{part}/package", "shared")
    for path in (ROOT / "templates" / folder).glob("*.py")
}

# A Flower App holds the same modules once more; build.json holds their digests and our version.
_REPEATED = re.compile(r"flower-app/\w+_(server|client)/")


def generated(name: str) -> dict[str, bytes]:
    """What is kept of the files that the example compiles to now: all that a notebook changes."""
    return {path: data for path, data in whole(name).items() if template_of(path) is None}


def template_of(path: str) -> bytes | None:
    """The template that a generated file is a copy of, to the byte; None where it is none."""
    return COPIED.get((path.partition("/")[0], Path(path).name))


def whole(name: str) -> dict[str, bytes]:
    """Every file that the example compiles to now, but repetitions, by path."""
    notebook, federation = (ROOT / "examples" / part for part in EXAMPLES[name])
    compiled = compile_sources(read_sources(notebook, federation))
    assert compiled.program is not None, compiled.diagnostics
    _, files = build_files(
        compiled.program,
        compiled.sources.federation,
        compiled.requirements,
        notebook=notebook.name,
        federation_file=federation.name,
    )
    return {
        path: data for path, data in files.items() if path != MANIFEST and not _REPEATED.match(path)
    }


def kept(name: str) -> dict[str, bytes]:
    """Every file that is kept for the example, by path."""
    folder = GOLDEN / name
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
