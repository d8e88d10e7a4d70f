"""How much memory processes take while they run, from /proc (Linux)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY_SECONDS = 0.05
_KIB = 1024


@dataclass(frozen=True)
class Sample:
    """Bytes of one process at a time (seconds since 1970): now, and the most so far."""

    time: float
    now: int
    most: int


class Memory:
    """Watches processes from a thread of its own; a context manager.

    A process's memory is what of it is in RAM. The most of it is the system's own high-water
    mark, so no peak between two looks is lost. Of a tree of processes it is the sum of what
    belongs to no file, looked at 20 times a second.
    """

    def __init__(self) -> None:
        self._samples: dict[str, list[Sample]] = {}
        self._pids: dict[str, int] = {}
        self._trees: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def follow(self, name: str, pid: int, *, tree: bool = False) -> None:
        """Watch a process, or with ``tree`` also all that it starts, until it ends."""
        self._samples[name] = []
        if tree:
            self._trees.add(name)
        self._pids[name] = pid

    def names(self) -> list[str]:
        """Return the names of what is watched."""
        return list(self._samples)

    def looks(self, name: str) -> int:
        """Return how often it has been looked at."""
        return len(self._samples[name])

    def idle(self, name: str, before: float) -> int:
        """Return the bytes at the last look before a time; the first look's if there is none."""
        earlier = [sample for sample in self._samples[name] if sample.time < before]
        return (earlier or self._samples[name][:1])[-1].now

    def peak(self, name: str) -> int:
        """Return the most bytes of the whole time."""
        return max(sample.most for sample in self._samples[name])

    def together(self, names: list[str]) -> int:
        """Return the most bytes that these took at one time, as far as it was looked at."""
        times = sorted({sample.time for name in names for sample in self._samples[name]})
        by_time = {name: {s.time: s.now for s in self._samples[name]} for name in names}
        return max(sum(by_time[name].get(time, 0) for name in names) for time in times)

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            now = time.time()
            for name, pid in list(self._pids.items()):
                with suppress(OSError, KeyError):
                    self._samples[name].append(self._look(name, pid, now))

    def _look(self, name: str, pid: int, now: float) -> Sample:
        if name in self._trees:
            total = sum(_of_no_file(one) for one in (pid, *descendants(pid)))
            most = max(total, self._samples[name][-1].most if self._samples[name] else 0)
            return Sample(now, total, most)
        found = status(pid)
        return Sample(now, found["VmRSS"], found["VmHWM"])


def status(pid: int) -> dict[str, int]:
    """Return the sizes in /proc/PID/status, in bytes. Raises OSError for one that is gone."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(size) * _KIB for name, size, _ in fields}


def descendants(pid: int) -> Iterator[int]:
    """Yield the processes that a process has started, and theirs."""
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def child_named(pid: int, part: str) -> int | None:
    """Return the descendant in whose command line ``part`` stands."""
    for one in descendants(pid):
        with suppress(OSError):
            if part in Path(f"/proc/{one}/cmdline").read_text():
                return one
    return None


def _of_no_file(pid: int) -> int:
    with suppress(OSError, KeyError):
        found = status(pid)
        return found["RssAnon"] + found["RssShmem"]
    return 0
