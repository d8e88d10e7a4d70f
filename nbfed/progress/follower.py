"""Read events while they are being written."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbfed.progress.display import Display
from nbfed.runs import BASELINES, EVENTS

_POLL_SECONDS = 0.1


class Tail:
    """The lines that a file of events has gained since it was last asked."""

    def __init__(self, file: Path, *, from_now: bool = False) -> None:
        self._file = file
        # A line that a killed server left half-written is cut off before the next is written.
        there = file.read_bytes() if from_now and file.is_file() else b""
        self._offset = there.rfind(b"\n") + 1

    def events(self) -> Iterator[dict[str, Any]]:
        """The new events; a line that is still being written is left for the next time."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                for line in stream:
                    if not line.endswith(b"\n"):
                        return
                    self._offset += len(line)
                    yield json.loads(line)
        except FileNotFoundError:
            return


class Follower(threading.Thread):
    """Hands every event of a run, and of its baselines, to a display."""

    def __init__(self, run: Path, display: Display, *, from_now: bool = False) -> None:
        super().__init__(name="progress", daemon=True)
        self._run_folder = run
        self._display = display
        self._tails = {"": Tail(run / EVENTS, from_now=from_now)}
        self._ended = threading.Event()

    def run(self) -> None:
        """Follow until ``finish`` is called."""
        while not self._ended.wait(_POLL_SECONDS):
            self._pass_on()

    def finish(self) -> None:
        """Show what is left, and end."""
        self._ended.set()
        self.join()
        self._pass_on()
        self._display.close()

    def _pass_on(self) -> None:
        try:
            self._show_new_events()
        except OSError:
            # Nobody reads any more (`| head`, a closed terminal). The run goes on.
            self._tails.clear()

    def _show_new_events(self) -> None:
        if self._tails:
            for folder in sorted((self._run_folder / BASELINES).glob("*")):
                self._tails.setdefault(folder.name, Tail(folder / EVENTS))
        for baseline, tail in self._tails.items():
            for event in tail.events():
                self._display.show(event, baseline)
