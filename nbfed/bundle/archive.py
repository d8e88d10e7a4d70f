"""Write a kit as a zip: sorted, with fixed dates, and never half of one."""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path

from nbfed.bundle.kit import PRIVATE, READABLE, Content, Kit
from nbfed.bundle.manifest import MANIFEST
from nbfed.errors import OutputRefused

# The oldest date that a zip can hold. The system is Unix, for the permissions.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def write_kit(kit: Kit, path: Path, *, force: bool = False) -> bool:
    """Write the kit; False, and the file left as it is, where it holds these very bytes already.

    A kit with a private key in it is readable by its owner alone, from its first moment. Raises
    OutputRefused for a file that is no kit of this federation, unless ``force`` is set.
    """
    if path.exists() and not force and not _is_ours(kit, path):
        raise OutputRefused(
            f"{path} is no kit that nbfed made of {kit.federation}",
            hint="choose another --out, or pass --force to overwrite it",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            for member, content in sorted(kit.members.items()):
                _add(archive, f"{kit.folder}/{member}", content)
        aside.chmod(PRIVATE if kit.secret else READABLE)
        if path.is_file() and filecmp.cmp(aside, path, shallow=False):
            path.chmod(aside.stat().st_mode)
            return False
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return True


def _add(archive: zipfile.ZipFile, name: str, content: Content) -> None:
    # Stored: wheels are compressed already, and what a compressor writes depends on its version.
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | content.mode) << 16
    entry.file_size = content.size
    with archive.open(entry, "w") as target:
        if isinstance(content.source, bytes):
            target.write(content.source)
        else:
            with content.source.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)


def _is_ours(kit: Kit, path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{kit.folder}/{MANIFEST}" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
