"""Start processes, and end every one of them by its id, whatever happens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_PATIENCE = 10.0  # seconds between asking a process to end and making it


class Failed(Exception):
    """A process ended badly or too late; the text says which, and how its output ends."""


class Child:
    """A process in a group of its own, with a file that takes its output."""

    def __init__(
        self, name: str, command: Sequence[str | Path], *, log: Path, cwd: Path, env: dict[str, str]
    ) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def wait(self, seconds: float) -> None:
        """Wait for a good end; raises Failed."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(self._ending(f"was not done after {seconds:.0f} s")) from None
        if code:
            raise Failed(self._ending(f"ended with exit code {code}"))

    def check(self) -> None:
        """Raises Failed if the process is gone."""
        if (code := self._process.poll()) is not None:
            raise Failed(self._ending(f"ended with exit code {code}"))

    def end(self) -> None:
        """End the process and what it started: politely at first."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        # The group's id is the id of its first process, and outlives it while others are in it.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _ending(self, what: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-8:]
        return "\n    ".join([f"{self.name} {what}; its output ends:", *lines])


class Children:
    """The processes of one measurement, their logs in one folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = dict(environment)
        self._children: list[Child] = []

    def start(
        self, name: str, command: Sequence[str | Path], *, cwd: Path | None = None, **env: str
    ) -> Child:
        """Start a process in ``cwd``, by default this folder; its output goes to NAME.log."""
        log = self.folder / f"{name}.log"
        environment = self._environment | env
        child = Child(name, command, log=log, cwd=cwd or self.folder, env=environment)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Raises Failed if one of the processes is gone."""
        for child in self._children:
            child.check()

    def end(self) -> None:
        """End all, the last one first."""
        while self._children:
            self._children.pop().end()


@contextmanager
def children(folder: Path, environment: Mapping[str, str]) -> Iterator[Children]:
    """Processes that end with this context."""
    folder.mkdir(parents=True)
    group = Children(folder, environment)
    try:
        yield group
    finally:
        group.end()


def wait_for(condition: str, group: Children, seconds: float) -> Iterator[None]:
    """Yield every 50 ms while all processes run; raises Failed when the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        group.check()
        yield
        time.sleep(0.05)
    raise Failed(f"{condition} did not happen within {seconds:.0f} s (logs: {group.folder})")


def free_ports(number: int) -> list[int]:
    """Ports on which nobody listens now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    try:
        return [int(listener.getsockname()[1]) for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()
