"""A run on disk: what happened, line by line, and the weights.

``events.jsonl`` is the only thing that progress bars, tables and reports read. JSON knows no
NaN and no infinity: such a metric stands there as null.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from flwr.app import ArrayRecord

from . import exchange
from .first_model import EXCHANGE
from .resume import BUILD, EVENTS, check_same, read_events, settings_of
from .settings import CLIENT_DIGEST, NAME, Settings, SettingsError
from .whole_file import PUBLIC, whole_file

if sys.platform != "win32":
    import fcntl

Event = dict[str, object]
Listener = Callable[[Event], None]

MODEL = "model.safetensors"
BEST = "best.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """The weights after a round, and what the strategy remembered then, if it does at all.

    ``unchecked`` has no checksum, as an older server wrote it: changed values would not show.
    """

    round: int
    arrays: ArrayRecord
    state: ArrayRecord | None
    file: str
    unchecked: bool


def event_of(name: str, fields: Mapping[str, object]) -> Event:
    """Return what is written down, and told to listeners, of something that happens now."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"time": time, "event": name, **_plain(fields)}


class RunFolder:
    """The folder of one run; raises SettingsError where it holds a run already, or none.

    With ``settings.resume`` it is the folder of a run that goes on: ``past`` are its events.
    """

    def __init__(self, settings: Settings, *, listener: Listener | None = None) -> None:
        self.path = Path(settings.run_dir) if settings.run_dir else _new_folder()
        self.past: list[dict[str, Any]] = []
        self._checkpoints = self.path / "checkpoints"
        self._keep = settings.keep_checkpoints
        self._listener = listener
        try:
            if settings.resume:
                self._file = self._reopened(settings)
                return
            self._checkpoints.mkdir(parents=True, exist_ok=True)
            # "x" also settles which of two servers, started at once, has the folder.
            self._file = (self.path / EVENTS).open("x", encoding="utf-8")
            self._lock()
        except FileExistsError as error:
            raise SettingsError(
                f"{self.path} holds a run already: name another folder with --run-dir, or go on "
                "with it by --resume"
            ) from error
        except OSError as error:
            raise SettingsError(f"{self.path} cannot be written: {error.strerror}") from error
        # Nothing but what sites keep between rounds hangs on it, so it may well be random.
        self.run = secrets.token_hex(8)
        build = {
            "name": NAME,
            "client_digest": CLIENT_DIGEST,
            "run": self.run,
            "exchange": list(EXCHANGE),
            "run_config": settings.to_run_config(),
        }
        try:
            with whole_file(self.path / BUILD, PUBLIC) as file:
                file.write(f"{json.dumps(build, indent=2)}\n".encode())
        except OSError as error:
            raise SettingsError(f"{self.path} cannot be written: {error.strerror}") from error

    def _reopened(self, settings: Settings) -> TextIO:
        check_same(settings_of(self.path), settings)
        self.run = run_name(self.path)
        self._file = (self.path / EVENTS).open("r+", encoding="utf-8")
        self._lock()
        self.past = read_events(self.path / EVENTS)
        whole = (self.path / EVENTS).read_bytes().rpartition(b"\n")
        self._file.truncate(len(whole[0]) + len(whole[1]))
        self._file.seek(0, os.SEEK_END)
        self._checkpoints.mkdir(exist_ok=True)
        return self._file

    def _lock(self) -> None:
        """Keep a second server out, for as long as this one lives."""
        if sys.platform != "win32":
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SettingsError(f"{self.path} is the run of a server that is at it") from error

    def event(self, name: str, /, **fields: object) -> None:
        """Write one line, at once, and tell the listener."""
        event = event_of(name, fields)
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()
        if self._listener:
            try:
                self._listener(event)
            except OSError:
                # Its terminal or pipe is gone. The run goes on, and its file has all of it.
                self._listener = None

    def checkpoint(
        self, round_number: int, arrays: ArrayRecord, state: ArrayRecord | None = None
    ) -> str:
        """Save the weights after a round, drop the oldest; return the path within the run.

        ``state`` is the strategy's. It is written first: weights that are there are complete.
        """
        path = self._checkpoints / f"round-{round_number:03d}.safetensors"
        if state is not None:
            exchange.save(_state_file(path), state)
        exchange.save(path, arrays)
        for old in self._saved()[: -self._keep]:
            old.unlink()
            _state_file(old).unlink(missing_ok=True)
        return path.relative_to(self.path).as_posix()

    def newest_checkpoint(self) -> tuple[Checkpoint | None, list[str]]:
        """Read the newest checkpoint that is whole, None if there is none.

        The list has the files of those that are newer and damaged.
        """
        damaged = []
        for path in reversed(self._saved()):
            state_file = _state_file(path)
            file = path.relative_to(self.path).as_posix()
            try:
                arrays = exchange.load(path)
                state = exchange.load(state_file) if state_file.exists() else None
                unchecked = not exchange.has_checksum(path)
            except (exchange.ExchangeError, OSError):
                damaged.append(file)
                continue
            return Checkpoint(_round_of(path) or 0, arrays, state, file, unchecked), damaged
        return None, damaged

    def best(self, arrays: ArrayRecord) -> str:
        """Save the best weights so far; return the path within the run."""
        exchange.save(self.path / BEST, arrays)
        return BEST

    def _saved(self) -> list[Path]:
        """Return the checkpoints, in order of their rounds."""
        saved = [p for p in self._checkpoints.iterdir() if _round_of(p) is not None]
        return sorted(saved, key=lambda path: _round_of(path) or 0)

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


def _state_file(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(f".state{checkpoint.suffix}")


def run_name(folder: Path) -> str:
    """Return the name by which sites know the run in ``folder``; "" where there is none."""
    try:
        return str(json.loads((folder / BUILD).read_text(encoding="utf-8")).get("run", ""))
    except (OSError, ValueError):
        return ""


def about_run(settings: Settings) -> Event:
    """Return what the first event says of a run."""
    return {
        "name": NAME,
        "engine": settings.engine,
        "digest": CLIENT_DIGEST,
        "rounds": settings.rounds,
        "seed": settings.seed,
        "strategy": settings.strategy,
        "sites": list(settings.sites),
        "min_sites": settings.needed,
        "params": settings.params,
        "versions": versions(),
    }


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
