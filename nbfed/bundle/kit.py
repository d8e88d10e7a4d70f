"""A kit: one folder of files, packed as a zip that is the same byte for byte each time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

READABLE, PRIVATE = 0o644, 0o600


@dataclass(frozen=True)
class Content:
    """What a member of a kit holds: bytes, or those of a file on disk, and its permissions."""

    source: bytes | Path
    mode: int = READABLE

    @cached_property
    def sha256(self) -> str:
        """The digest of the bytes, hexadecimal; raises OSError where the file is gone."""
        if isinstance(self.source, bytes):
            return hashlib.sha256(self.source).hexdigest()
        with self.source.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @property
    def size(self) -> int:
        """Number of bytes; raises OSError where the file is gone."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size


@dataclass(frozen=True)
class Kit:
    """The files of one kit by POSIX path below its folder.

    ``name`` is the site's, or "server".
    """

    federation: str
    name: str
    members: Mapping[str, Content]

    @property
    def folder(self) -> str:
        """The folder that all of it unpacks into."""
        return f"{self.federation}-{self.name}"

    @property
    def secret(self) -> bool:
        """Whether it holds a private key, so that nobody but its owner may read the zip."""
        return any(content.mode == PRIVATE for content in self.members.values())
