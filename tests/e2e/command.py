"""Run nbfed's commands as processes of their own, and end every one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "120"}


def nbfed(*arguments: str | Path, cwd: Path) -> Done:
    """Run a command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "nbfed", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(*arguments: str | Path, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a command; at the end of the context it is gone in any case."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbfed", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> Done:
    """Wait for a command's end."""
    out, err = process.communicate(timeout=SECONDS)
    return Done(process.returncode, out, err)


def interrupt(process: subprocess.Popen[str]) -> Done:
    """Do what Ctrl-C does to a command, and wait for its end."""
    process.send_signal(signal.SIGINT)
    return finish(process)


def descendants(pid: int) -> set[int]:
    """The processes below this one, by id."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
    found, waiting = set(), [pid]
    while waiting:
        parent = waiting.pop()
        children = {child for child, its_parent in parents.items() if its_parent == parent}
        found |= children
        waiting += children
    return found


def alive(pid: int) -> bool:
    """Whether a process with this id runs; one that is dead and not yet collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
