"""A tracker that may fail without anybody else noticing."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from nbfed.progress.display import Display, Event

LOG = "track.log"


class Guarded:
    """Passes events on until the tracker fails; says so once, with the whole trace in a log."""

    def __init__(self, tracker: Display, name: str, run: Path) -> None:
        self._tracker: Display | None = tracker
        self._name = name
        self._log = run / LOG

    def show(self, event: Event, baseline: str) -> None:
        """Pass the event on."""
        if self._tracker is None:
            return
        try:
            self._tracker.show(event, baseline)
        except Exception:  # noqa: BLE001 (whatever it is, the run goes on)
            self._give_up()

    def close(self) -> None:
        """End the tracking."""
        if self._tracker is None:
            return
        try:
            self._tracker.close()
        except Exception:  # noqa: BLE001 (as above)
            self._give_up()

    def _give_up(self) -> None:
        self._tracker = None
        error = sys.exc_info()[1]
        told = f"{self._name} tracks no more: {type(error).__name__}; see {self._log}"
        try:
            with self._log.open("a", encoding="utf-8") as stream:
                stream.write(f"{told}\n{traceback.format_exc()}\n")
        except OSError:
            told = f"{self._name} tracks no more: {type(error).__name__}"
        print(told, file=sys.stderr)
