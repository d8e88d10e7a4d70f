"""Follow a run by its events, and show it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from nbfed.progress.display import Display
from nbfed.progress.follower import Follower
from nbfed.progress.lines import JsonLines, PlainLines
from nbfed.progress.live import LiveDisplay

__all__ = ["Display", "choose_display", "follow"]


def choose_display(*, as_json: bool) -> Display:
    """JSON lines if asked for, a live display on a terminal, plain lines elsewhere."""
    if as_json:
        return JsonLines(sys.stdout)
    console = Console()
    return LiveDisplay(console) if console.is_terminal else PlainLines(sys.stdout)


@contextmanager
def follow(run: Path, display: Display, *, from_now: bool = False) -> Iterator[None]:
    """Show the run in this folder for as long as the context lasts, to its last event.

    ``from_now`` leaves out what is in the folder already.
    """
    follower = Follower(run, display, from_now=from_now)
    follower.start()
    try:
        yield
    finally:
        follower.finish()
