"""Write a file whole: whoever reads it finds the old one or the new, never a part of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# What a new file is to others: what they may read and write, and its owner alone.
PUBLIC, PRIVATE = 0o666, 0o600


@contextmanager
def whole_file(path: Path, mode: int) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of ``path`` when the block ends.

    Where it does not end well, as on a full disk, the old file stays. ``mode`` is the new one's, as
    far as this process's umask lets it. Raises OSError.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself last through a power cut, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
