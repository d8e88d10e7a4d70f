"""What stays at this site from one round to the next, and nobody else sees.

It is found again by the run's name and the number of the round after which it was stored: a round
that the server asks for a second time begins with the state from before the first time. In memory
it lies in Flower's own context; a site with a folder keeps it there too, across a restart.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, RecordDict

from . import exchange
from .failures import Refusal

# The last two rounds of a run may be asked for again; older runs, for their models' evaluation.
_ROUNDS = 2
_RUNS = 3
_KEPT = "kept"

_log = logging.getLogger(__package__)


@dataclass(frozen=True)
class LocalState:
    """The model's entries that do not travel, SCAFFOLD's variate, and what ``keep=`` names.

    None, or b"", stands for what there is not, or not yet. ``kept`` is what ``keeping`` dumped.
    """

    model: ArrayRecord = field(default_factory=ArrayRecord)
    control: ArrayRecord | None = None
    kept: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.model or self.control or self.kept)


class LocalStates:
    """The states of one run, in ``memory`` and, where there is one, in ``folder``.

    Raises Refusal for a run's name that could lead out of the folder.
    """

    def __init__(self, memory: RecordDict, folder: Path | None, run: str) -> None:
        if not re.fullmatch(r"[0-9a-f]{0,32}", run):
            raise Refusal("the run's name is none")
        self._memory = memory
        self._folder = folder
        self._run = run or "0"

    def before(self, number: int) -> LocalState:
        """Return the state with which round ``number`` begins; the first one has none yet."""
        held = {_round(name): name for name in self._memory if self._is_ours(name)}
        if earlier := [stored for stored in held if stored < number]:
            return _unpacked(self._memory.array_records[held[max(earlier)]])
        files = {_round(path.stem): path for path in self._files()}
        for stored in sorted((stored for stored in files if stored < number), reverse=True):
            try:
                record = exchange.load(files[stored])
                if not exchange.has_checksum(files[stored]):
                    _log.info("%s has no checksum: not checked for damage", files[stored])
                return _unpacked(record)
            except (exchange.ExchangeError, OSError) as error:
                _log.warning("%s: this site goes on with what it kept before", error)
        return LocalState()

    def store(self, number: int, state: LocalState) -> None:
        """Keep the state after round ``number``; raises Refusal, and then all is as it was."""
        if not state:
            return
        name = f"{self._run}.{number:06d}"
        record = _packed(state)
        if self._folder:
            self._save(name, number, record)
        for other in [o for o in self._memory if self._is_ours(o) and _round(o) >= number]:
            del self._memory[other]
        self._memory[name] = record
        for other in _outdated([o for o in self._memory if re.fullmatch(r"[0-9a-f]+\.\d+", o)]):
            del self._memory[other]

    def _save(self, name: str, number: int, record: ArrayRecord) -> None:
        assert self._folder
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            exchange.save(self._folder / f"{name}.safetensors", record)
        except OSError as error:
            raise Refusal(
                f"what this site keeps between rounds cannot be written ({error.strerror}): make "
                "room for its state folder"
            ) from error
        for path in self._files():
            if _round(path.stem) > number:
                path.unlink(missing_ok=True)
        by_age = sorted(self._folder.glob("*.safetensors"), key=lambda p: p.stat().st_mtime_ns)
        paths = {path.stem: path for path in by_age}
        for stem in _outdated(list(paths)):
            paths[stem].unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._run}.*.safetensors")) if self._folder else []

    def _is_ours(self, name: str) -> bool:
        return re.fullmatch(rf"{self._run}\.\d+", name) is not None


def _round(name: str) -> int:
    return int(name.rpartition(".")[2])


def _outdated(names: list[str]) -> list[str]:
    """Return those of ``names``, oldest first, that belong to old runs or old rounds."""
    by_run: dict[str, list[str]] = {}
    for name in reversed(names):
        by_run.setdefault(name.partition(".")[0], []).append(name)
    kept = [name for rounds in list(by_run.values())[:_RUNS] for name in rounds[:_ROUNDS]]
    return [name for name in names if name not in kept]


def _packed(state: LocalState) -> ArrayRecord:
    record = ArrayRecord({f"model:{name}": array for name, array in state.model.items()})
    for name, array in (state.control or {}).items():
        record[f"control:{name}"] = array
    if state.kept:
        record[_KEPT] = Array(np.frombuffer(state.kept, np.uint8).copy())
    return record


def _unpacked(record: ArrayRecord) -> LocalState:
    parts: dict[str, ArrayRecord] = {"model": ArrayRecord(), "control": ArrayRecord()}
    for name, array in record.items():
        part, _, entry = name.partition(":")
        if entry:
            parts[part][entry] = array
    kept = record[_KEPT].numpy().tobytes() if _KEPT in record else b""
    return LocalState(parts["model"], parts["control"] or None, kept)
