"""A simulation as it goes on, for the screen of a notebook."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from nbfed.notebook import html
from nbfed.outcome.results import Results
from nbfed.progress.live import render
from nbfed.progress.view import RunView


class Progress:
    """What is known from the command's lines so far. ``results`` is None until the last one."""

    def __init__(self) -> None:
        self.results: Results | None = None
        self._seed = ""
        self._view = RunView()
        self._baselines: dict[str, RunView] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in one line of ``nbfed simulate --json``."""
        if event["event"] == "results":
            self.results = Results.from_record({k: v for k, v in event.items() if k != "event"})
        elif event["event"] == "seed":
            self._seed = str(event["seed"])
            self._view, self._baselines = RunView(), {}
        elif name := event.get("baseline"):
            self._baselines.setdefault(name, RunView()).apply(event)
        else:
            self._view.apply(event)

    def html(self) -> str:
        """The picture as HTML."""
        return html.progress(self._view, self._baselines)

    def text(self) -> str:
        """The picture as text."""
        console = Console(file=io.StringIO(), width=100, color_system=None)
        with console.capture() as capture:
            console.print(render(self._view, self._baselines, now=datetime.now(UTC)))
        return capture.get()
