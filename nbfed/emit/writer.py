"""Write a build's files: beside the folder first, then renamed into its place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nbfed.emit.manifest import MANIFEST, Manifest, edited_files, sha256
from nbfed.errors import OutputRefused


def write_build(folder: Path, files: Mapping[str, bytes], *, force: bool = False) -> bool:
    """Make ``folder`` hold exactly ``files`` (its build.json among them).

    Returns whether anything changed. Raises OutputRefused where the folder is not a build of
    nbfed, or someone edited it, and ``force`` is not set; nothing is written then. With
    ``force``, files that are not the build's own are kept.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputRefused(f"{folder} is a file, not a folder", hint="choose another --out")
    if not force:
        _refuse_foreign(folder)
    if _holds(folder, files):
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fresh = staging / "new"
        for path, data in files.items():
            target = fresh / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        _keep_foreign(folder, fresh)
        if folder.exists():
            folder.rename(staging / "old")
        fresh.rename(folder)
    finally:
        _put_back(staging / "old", folder)
        shutil.rmtree(staging, ignore_errors=True)
    return True


def _put_back(old: Path, folder: Path) -> None:
    """If the new folder did not arrive, the old one returns."""
    if old.exists() and not folder.exists():
        old.rename(folder)


def read_manifest(folder: Path) -> Manifest | None:
    """The build.json of an output folder, or None where there is none that can be read."""
    try:
        return Manifest.from_json((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None


def _present(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).as_posix() != MANIFEST
    }


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    manifest = read_manifest(folder)
    if manifest is None:
        raise OutputRefused(
            f"{folder} was not made by nbfed (it has no {MANIFEST})",
            hint="choose another --out, or pass --force to put the build there "
            "(nbfed explain NBF502)",
        )
    edited = edited_files(manifest, _present(folder))
    if edited:
        shown = ", ".join(str(folder / path) for path in edited[:5])
        more = f" and {len(edited) - 5} more" if len(edited) > 5 else ""
        raise OutputRefused(
            f"changed since nbfed wrote it: {shown}{more}",
            hint="move your changes elsewhere, or pass --force to overwrite them "
            "(nbfed explain NBF501)",
        )


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether the folder has these very bytes already: then its dates stay as they are."""
    manifest = read_manifest(folder)
    if manifest is None or set(manifest.files) | {MANIFEST} != set(files):
        return False
    return all(
        (folder / path).is_file() and (folder / path).read_bytes() == data
        for path, data in files.items()
    )


def _keep_foreign(folder: Path, fresh: Path) -> None:
    manifest = read_manifest(folder)
    ours = set(manifest.files) | {MANIFEST} if manifest else {MANIFEST}
    if not folder.exists():
        return
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        target = fresh / relative
        foreign = path.is_file() and relative.as_posix() not in ours
        if foreign and "__pycache__" not in relative.parts and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
