"""build.json: what a build made, so that a later build knows its own files from others'."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

MANIFEST = "build.json"

# What tools leave beside the code that they run or install; nobody's edit.
_LEFT_BY_TOOLS = frozenset({"__pycache__", "build", ".venv", ".ruff_cache", ".mypy_cache"})


@dataclass(frozen=True)
class Manifest:
    """A build's record. Paths are POSIX and relative to the build's folder."""

    name: str
    nbfed: str
    notebook: str
    federation: str
    client_digest: str
    server_digest: str
    files: Mapping[str, str]

    def to_json(self) -> bytes:
        """The bytes of build.json."""
        return (json.dumps(asdict(self), indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Read build.json.

        Raises ValueError where the bytes are not a manifest.
        """
        try:
            return cls(**json.loads(data))
        except (TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ValueError("not a build.json of nbfed") from error


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def edited_files(manifest: Manifest, present: Mapping[str, str]) -> list[str]:
    """Files of an output folder that someone changed, deleted or added, sorted.

    ``present`` maps the paths now in the folder, build.json aside, to their SHA-256.
    """
    changed = {path for path, digest in manifest.files.items() if present.get(path, "") != digest}
    added = {path for path in present.keys() - manifest.files.keys() if not _by_tool(path)}
    return sorted(changed | added)


def _by_tool(path: str) -> bool:
    parts = path.split("/")
    return any(part in _LEFT_BY_TOOLS or part.endswith(".egg-info") for part in parts)
