"""What a simulation was asked for, on disk: so that it can go on after an interruption."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbfed.errors import OutputRefused
from nbfed.files import write_whole
from nbfed.runs import RESULTS

if TYPE_CHECKING:
    from nbfed.emit import Build
    from nbfed.federation.schema import Federation

REQUEST = "request.json"

# Where a run's files go and how it is driven: nothing that its figures depend on.
_NO_MATTER = ("run-dir", "engine", "poll-seconds", "resume", "keep-checkpoints", "seed")


@dataclass(frozen=True)
class Request:
    """All that the figures of a simulation depend on but its seed and the data themselves.

    ``sites`` has a SHA-256 of each site's values, which may be nobody else's business.
    """

    name: str
    client_digest: str
    server_digest: str
    config: Mapping[str, Any]
    sites: Mapping[str, str]
    baselines: Sequence[str]

    @classmethod
    def of(
        cls,
        build: Build,
        federation: Federation,
        config: Mapping[str, Any],
        baselines: Sequence[str],
    ) -> Request:
        """The request for this build and run configuration."""
        return cls(
            name=build.names.name,
            client_digest=build.manifest.client_digest,
            server_digest=build.manifest.server_digest,
            config={key: each for key, each in config.items() if key not in _NO_MATTER},
            sites={name: _digest(site.node_config()) for name, site in federation.sites.items()},
            baselines=sorted(baselines),
        )

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all of it."""
        return _digest(asdict(self))

    @contextmanager
    def claim(self, folder: Path) -> Iterator[None]:
        """Have ``folder`` to ourselves, newly made or begun before by the same request.

        Raises OutputRefused where the folder holds something else, or another process is at it.
        """
        file = folder / REQUEST
        if file.is_file():
            if changed := self._changes(file):
                hint = "choose another folder, or go back to what it was made with"
                raise OutputRefused(
                    f"{folder} was begun with other settings: {', '.join(changed)}", hint=hint
                )
        else:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise OutputRefused(f"{folder} is not empty", hint="choose another folder")
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(file, json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")
        with file.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                hint = "wait for it to end, or choose another folder"
                raise OutputRefused(f"another process runs in {folder}", hint=hint) from None
            yield

    def _changes(self, file: Path) -> list[str]:
        try:
            before = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            return [f"{file.name} cannot be read"]
        now = json.loads(json.dumps(asdict(self)))
        return [f"`{key}`" for key in _keys_that_differ(before, now)]


def unfinished(folder: Path) -> bool:
    """Whether this run has to be made; what an interruption left of it is removed."""
    if (folder / RESULTS).is_file():
        return False
    if folder.exists():
        shutil.rmtree(folder)
    return True


def _keys_that_differ(before: Any, now: Any, path: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            key
            for name in sorted(before.keys() | now.keys())
            for key in _keys_that_differ(
                before.get(name), now.get(name), f"{path}.{name}".lstrip(".")
            )
        ]
    return [] if before == now else [path]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
