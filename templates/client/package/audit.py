"""The site's audit log: what was approved, what was done, and what left, line by line.

Each line is a JSON object that holds the SHA-256 of the line before it, so that no line can be
changed, taken out or put in without a trace. The hash of the last line stands in a file of its
own. Whoever can write into this folder can write the whole log anew: who wants to be sure notes
the hash that ``audit`` prints, elsewhere, and gives it to ``audit --expect`` later.
No line holds data: names, sizes, digests, and the numbers that the server got anyway.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from .exits import SiteError

AUDIT_FILE, HEAD_FILE = "audit.jsonl", "audit.head"
START = "0" * 64
CUT_OFF = "line-cut-off"

_BLOCK = 1 << 16

Entry = dict[str, Any]


class NotLogged(SiteError):
    """The log cannot be written, so that nothing may be done or sent."""


class AuditLog:
    """The log in a site's state folder; safe to be written by several processes.

    An entry for which there is no room leaves the log as it was.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / AUDIT_FILE
        self._head = folder / HEAD_FILE

    def record(self, event: str, **details: Any) -> None:
        """Append an entry; it is on the disk when this returns. Raises NotLogged."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            # Without a buffer: what there was no room for shall not be written after all later.
            with os.fdopen(handle, "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                last = _last_line(file)
                if last and not last.endswith(b"\n"):
                    # The process, or the machine, stopped in the middle of a line.
                    last = self._append(file, last, CUT_OFF, {"bytes": len(last)}, begin=b"\n")
                self._append(file, last, event, details)
        except OSError as error:
            raise NotLogged(
                f"{self.path} cannot be written ({error.strerror}), and without a log nothing is "
                "done: make room, or whatever it lacks, and start again"
            ) from error

    def _append(
        self, file: FileIO, last: bytes, event: str, details: Entry, begin: bytes = b""
    ) -> bytes:
        before = _hash(last) if last else START
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, **details, "before": before})
        data = line.encode() + b"\n"
        end = file.seek(0, os.SEEK_END)
        try:
            rest = memoryview(begin + data)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
            self._note_head(_hash(data))
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(end)
            raise
        return data

    def _note_head(self, head: str) -> None:
        beside = self._head.with_name(f".{HEAD_FILE}.{os.getpid()}")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(head + "\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._head)
        finally:
            beside.unlink(missing_ok=True)


@dataclass(frozen=True)
class Chain:
    """A log as it was read. ``hashes`` are those of its lines, START before the first.

    ``broken`` is the number of the first line that cannot be trusted, and ``reason`` why; 0 and
    "" for a whole chain. ``cut_off`` are lines that a crash left unfinished.
    """

    entries: tuple[Entry, ...]
    hashes: tuple[str, ...]
    broken: int = 0
    reason: str = ""
    cut_off: tuple[int, ...] = ()

    @property
    def head(self) -> str:
        """The hash of the last line."""
        return self.hashes[-1]


def read_chain(folder: Path) -> Chain:
    """Read and verify the log in ``folder``; an empty chain where there is none.

    Raises SiteError.
    """
    path = folder / AUDIT_FILE
    try:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        # A crash within the first line leaves no note at all.
        noted = START if len(lines) <= 1 else ""
        if (folder / HEAD_FILE).exists():
            noted = (folder / HEAD_FILE).read_text().strip()
    except OSError as error:
        raise SiteError(f"{path} cannot be read: {error.strerror}") from error
    entries: list[Entry] = []
    hashes, cut_off = [START], []
    for number, line in enumerate(lines, start=1):
        entry = _entry(line)
        if entry is None:
            cut_off.append(number)
        elif entry["before"] != hashes[-1]:
            return _broken(entries, hashes, number)
        elif cut_off and cut_off[-1] == number - 1 and entry.get("event") != CUT_OFF:
            return _damaged(entries, hashes, number - 1)
        else:
            entries.append(entry)
        hashes.append(_hash(line))
    if cut_off and cut_off[-1] == len(lines) and lines[-1].endswith(b"\n"):
        return _damaged(entries, hashes, len(lines))
    # A crash between the line and its note leaves the note one line behind, or two. A line that
    # was cut off is after the one that was noted, and not the same.
    if noted not in hashes[-3:]:
        return Chain(
            tuple(entries),
            tuple(hashes),
            max(len(lines), 1),
            f"is not the line that was written last, as {HEAD_FILE} notes it: it was changed, or "
            "what followed was taken away",
        )
    return Chain(tuple(entries), tuple(hashes), cut_off=tuple(cut_off))


def _broken(entries: list[Entry], hashes: list[str], number: int) -> Chain:
    if number == 1:
        reason = "is not the first that was written: what came before was taken away"
        return Chain(tuple(entries), tuple(hashes), 1, reason)
    reason = f"was changed, or lines after it: line {number} was written after another one"
    return Chain(tuple(entries), tuple(hashes), number - 1, reason)


def _damaged(entries: list[Entry], hashes: list[str], number: int) -> Chain:
    return Chain(tuple(entries), tuple(hashes), number, "is no entry: it was changed or put in")


def _entry(line: bytes) -> Entry | None:
    """Return what a whole line holds, or None."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = line.endswith(b"\n") and isinstance(entry, dict)
    told = whole and all(isinstance(entry.get(key), str) for key in ("time", "event", "before"))
    return entry if told else None


def _hash(line: bytes) -> str:
    """Return the SHA-256 of a line without its end."""
    return hashlib.sha256(line.removesuffix(b"\n")).hexdigest()


def _last_line(file: Any) -> bytes:
    """Return the last line with its end, if it has one; the file stands at its end then."""
    end = file.seek(0, os.SEEK_END)
    tail = b""
    while len(tail) < end and b"\n" not in tail[:-1]:
        size = min(_BLOCK, end - len(tail))
        file.seek(end - len(tail) - size)
        tail = file.read(size) + tail
    file.seek(0, os.SEEK_END)
    return tail[:-1].rpartition(b"\n")[2] + tail[-1:]
