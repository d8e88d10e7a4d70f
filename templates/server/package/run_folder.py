"""A run on disk: what happened, line by line, and the weights.

``events.jsonl`` is the only thing that progress bars, tables and reports read. JSON knows no
NaN and no infinity: such a metric stands there as null.
"""

from __future__ import annotations

import contextlib
import json
import math
import platform
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from flwr.app import ArrayRecord

from . import exchange
from .settings import CLIENT_DIGEST, NAME, SettingsError

Event = dict[str, object]
Listener = Callable[[Event], None]

EVENTS = "events.jsonl"
MODEL = "model.safetensors"
_BUILD = "build.json"


class RunFolder:
    """The folder of one run; raises SettingsError where it holds a run already."""

    def __init__(self, run_dir: str, *, keep: int, listener: Listener | None = None) -> None:
        self.path = Path(run_dir) if run_dir else _new_folder()
        self._checkpoints = self.path / "checkpoints"
        self._keep = keep
        self._listener = listener
        events = self.path / EVENTS
        try:
            self._checkpoints.mkdir(parents=True, exist_ok=True)
            # "x" also settles which of two servers, started at once, has the folder.
            self._file = events.open("x", encoding="utf-8")
        except FileExistsError as error:
            raise SettingsError(
                f"{self.path} holds a run already: name another folder with --run-dir"
            ) from error
        except OSError as error:
            raise SettingsError(f"{self.path} cannot be written: {error.strerror}") from error
        # Nothing but what sites keep between rounds hangs on it, so it may well be random.
        self.run = secrets.token_hex(8)
        build = {"name": NAME, "client_digest": CLIENT_DIGEST, "run": self.run}
        (self.path / _BUILD).write_text(json.dumps(build, indent=2) + "\n")

    def event(self, name: str, /, **fields: object) -> None:
        """Write one line, at once, and tell the listener."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        event: Event = {"time": time, "event": name, **_plain(fields)}
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()
        if self._listener:
            self._listener(event)

    def checkpoint(self, round_number: int, arrays: ArrayRecord) -> str:
        """Save the weights after a round, drop the oldest; return the path within the run."""
        path = self._checkpoints / f"round-{round_number:03d}.safetensors"
        exchange.save(path, arrays)
        saved = [p for p in self._checkpoints.iterdir() if _round_of(p) is not None]
        for old in sorted(saved, key=lambda p: _round_of(p) or 0)[: -self._keep]:
            old.unlink()
        return path.relative_to(self.path).as_posix()

    def finish(self, arrays: ArrayRecord | None, **fields: object) -> None:
        """Save the weights that the run ends with, if any, and write its last event.

        Called while an error is on its way, this raises none of its own: a full disk must not
        hide why the run ended.
        """
        file = ""
        with contextlib.suppress(OSError):
            if arrays is not None:
                exchange.save(self.path / MODEL, arrays)
                file = MODEL
        with contextlib.suppress(OSError):
            self.event("run-finished", **fields, file=file)
            self._file.close()


def run_name(folder: Path) -> str:
    """Return the name by which sites know the run in ``folder``; "" where there is none."""
    try:
        return str(json.loads((folder / _BUILD).read_text(encoding="utf-8")).get("run", ""))
    except (OSError, ValueError):
        return ""


def versions() -> dict[str, str]:
    """Return what the results may depend on."""
    packages = {name: version(name) for name in ("torch", "flwr", "numpy")}
    return {"python": platform.python_version(), **packages}


def _round_of(path: Path) -> int | None:
    match = re.fullmatch(r"round-(\d+)\.safetensors", path.name)
    return int(match[1]) if match else None


def _new_folder() -> Path:
    stem = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S") + f"-{NAME}"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 100))]
    return next(path for name in names if not (path := Path("runs") / name).exists())


def _plain(value: Mapping[str, object]) -> Event:
    return {key: _plain_value(item) for key, item in value.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
