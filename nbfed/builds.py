"""Find a build that was made before, and what it was made from."""

from __future__ import annotations

import sys
from pathlib import Path

from nbfed.emit import MANIFEST, Build, Names, read_manifest
from nbfed.errors import NbfedError, UsageError
from nbfed.federation.schema import Federation
from nbfed.sources import read_federation

STATE_FOLDER = ".nbfed"


def find_build(folder: Path | None, out: Path = Path("dist")) -> Build:
    """The build in this folder, or the only one below ``out``.

    Raises UsageError where there is none, or more than one to choose from.
    """
    if folder is not None:
        return _read(folder)
    found = sorted(path.parent for path in out.glob(f"*/{MANIFEST}"))
    if len(found) > 1:
        listed = ", ".join(map(str, found))
        raise UsageError(f"there are several builds: {listed}", hint="choose one with --build")
    if not found:
        hint = "make one first: nbfed build NOTEBOOK (or point at it with --build)"
        raise UsageError(f"there is no build below {out}/", hint=hint)
    return _read(found[0])


def _read(folder: Path) -> Build:
    manifest = read_manifest(folder)
    if manifest is None:
        hint = "give the folder that `nbfed build` wrote, for example dist/heart"
        raise UsageError(f"{folder} holds no build ({MANIFEST} is missing)", hint=hint)
    return Build(folder, Names(manifest.name), manifest, changed=False)


def notebook_folder(build: Build) -> Path:
    """The folder of the build's notebook, which relative paths in it are relative to.

    Raises NbfedError where the notebook's folder is gone.
    """
    folder = (build.folder / build.manifest.notebook).resolve().parent
    if not folder.is_dir():
        hint = "build it again: nbfed build NOTEBOOK"
        raise NbfedError(f"the notebook of {build.folder} is gone: no {folder}", hint=hint)
    return folder


def federation_of(build: Build) -> tuple[Federation, Path | None]:
    """The federation.yaml that the build was made with, as it is now, and where it is."""
    if not build.manifest.federation:
        return Federation().named(build.names.name), None
    file = (build.folder / build.manifest.federation).resolve()
    if not file.is_file():
        hint = "build it again: nbfed build NOTEBOOK"
        raise NbfedError(f"the federation.yaml of {build.folder} is gone: no {file}", hint=hint)
    return read_federation(file).named(build.names.name), file


def state_folder(build: Build) -> Path:
    """Where keys and the server's database of this federation are kept."""
    return Path(STATE_FOLDER) / build.names.name


def make_importable(project: Path) -> None:
    """Let this process import the generated package of a project's folder."""
    path = str(project.resolve())
    if path not in sys.path:
        sys.path.insert(0, path)
