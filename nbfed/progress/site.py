"""A site's own side of a run on its terminal: what it does now, and what it has done."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.text import Text

from nbfed.progress.display import count, duration

# What the site node writes to its log, word for word, and what it is at after it.
CONNECTED = "connected to %s, waiting for the run"
TAKEN_IN = "taken in by the server"
BEGINS = "begins to %s"
DONE = "round %s: %s %s examples in %.1f s"
ENDED = "the run has ended"
_WAITS = "waiting for the server"
_AT = {"train": "training", "evaluate": "evaluating", "query": _WAITS}


@dataclass
class SiteSide:
    """What a site is at, since when (seconds of any clock), and what it did in this run."""

    site: str
    at: str = "looking for the server"
    since: float = 0.0
    rounds: int = 0
    examples: int = 0
    seconds: float = 0.0
    busy: float = 0.0

    def take(self, record: logging.LogRecord, now: float) -> None:
        """Take in one line of the site's log; lines that tell nothing of it change nothing."""
        values = record.args if isinstance(record.args, tuple) else ()
        match record.msg, values:
            case (str(text), _) if text in (CONNECTED, TAKEN_IN):
                self._turn_to(_WAITS, now)
            case (str(text), (kind,)) if text == BEGINS:
                self._turn_to(_AT.get(str(kind), str(kind)), now)
            case (str(text), (number, done, examples, seconds)) if text == DONE:
                self.busy += float(str(seconds))
                if done == "trained on":
                    self.rounds += 1
                    self.examples, self.seconds = int(str(examples)), float(str(seconds))
                self._turn_to(f"waiting for the server after round {number}", now)
            case (str(text), _) if text == ENDED:
                self._turn_to("the run has ended", now)

    def _turn_to(self, at: str, now: float) -> None:
        if at != self.at:
            self.at, self.since = at, now

    def line(self, now: float) -> Text:
        """All of it in one line."""
        text = Text(self.site, style="bold", no_wrap=True, overflow="ellipsis")
        text.append(f"  {self.at}", style="cyan" if self.at in ("training", "evaluating") else "")
        text.append(f", {now - self.since:.0f} s", style="dim")
        if self.rounds:
            text.append(
                f"  {count(self.rounds, 'round')} trained on {count(self.examples, 'row')}: "
                f"the last {duration(self.seconds)}, all work {duration(self.busy)}",
                style="dim",
            )
        return text


class _Listener(logging.Handler):
    """Hands the lines of a log to the display."""

    def __init__(self, side: SiteSide) -> None:
        super().__init__(logging.DEBUG)
        self._side = side

    def emit(self, record: logging.LogRecord) -> None:
        self._side.take(record, time.monotonic())


@contextmanager
def shown_site(site: str, package: str) -> Iterator[None]:
    """Show a site on the terminal while it takes part; its own lines scroll above.

    ``package`` is the generated client package, whose log is followed. Where stderr is no
    terminal, its lines are all there is.
    """
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield
        return
    side = SiteSide(site, since=time.monotonic())
    listener, log = _Listener(side), logging.getLogger(package)
    log.addHandler(listener)
    try:
        with Live(
            get_renderable=lambda: side.line(time.monotonic()),
            console=console, refresh_per_second=2, transient=True,
        ):  # fmt: skip
            yield
    finally:
        log.removeHandler(listener)
