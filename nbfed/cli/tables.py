"""The console that tables are printed to."""

from __future__ import annotations

from rich.console import Console

_LEAST_WIDTH = 120


def table_console() -> Console:
    """A console as wide as the terminal; in a file, wide enough for tables not to be folded."""
    console = Console()
    if console.is_terminal:
        return console
    return Console(width=max(console.width, _LEAST_WIDTH))
