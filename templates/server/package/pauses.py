"""Pauses of a loop that asks a grid for replies."""

from __future__ import annotations

import time
from collections.abc import Callable

from flwr.serverapp import Grid


def pause(grid: Grid, seconds: float) -> None:
    """Wait for ``seconds``, or less where the grid knows by itself when a reply comes."""
    wait: Callable[[float], None] = getattr(grid, "pause", time.sleep)
    wait(seconds)
