"""Put something on the screen: HTML where it can be shown, else text."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

# Seconds between two pictures: more often, a front end over a network falls behind.
_PAUSE = 0.25


def show(html: str, text: str) -> None:
    """Display HTML, or text where there is none."""
    from IPython.display import display

    display(_bundle(html, text), raw=True)


class Shown:
    """One place on the screen that is drawn anew."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._drawn = 0.0

    def update(
        self, html: Callable[[], str], text: Callable[[], str], *, now: bool = False
    ) -> None:
        """Draw, unless it was drawn a moment ago and need not be ``now``."""
        if not now and time.monotonic() - self._drawn < _PAUSE:
            return
        from IPython.display import display

        bundle = _bundle(html(), text())
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
        self._drawn = time.monotonic()


def _bundle(html: str, text: str) -> dict[str, str]:
    return {"text/html": html, "text/plain": text}
