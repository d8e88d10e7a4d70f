"""The digest of a package: one SHA-256 over all the code that it holds.

A site compares its own digest with the one that the server asks for, so that it never answers
with other code than was agreed on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

SOURCE_MAP = "sourcemap.json"


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 (hex) of the code among ``files``, POSIX path -> content."""
    digest = hashlib.sha256()
    for path in sorted(filter(_is_code, files)):
        # Lengths keep apart what would else read the same: a path's end and a content's start.
        name, content = path.encode(), files[path]
        digest.update(f"{len(name)} {len(content)}\n".encode())
        digest.update(name)
        digest.update(content)
    return digest.hexdigest()


def package_digest(package_dir: Path) -> str:
    """Return the digest of the package that lies in ``package_dir``."""
    return digest_of(
        {
            path.relative_to(package_dir).as_posix(): path.read_bytes()
            for path in package_dir.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
    )


def _is_code(path: str) -> bool:
    return path.endswith(".py") or path == SOURCE_MAP
