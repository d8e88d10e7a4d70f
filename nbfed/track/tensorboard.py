"""Events to TensorBoard: a folder of event files for each run and baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbfed.progress.display import Event
from nbfed.runs import BASELINES
from nbfed.track.numbers import label, milliseconds, numbers, settings

_SECOND = 1000


class TensorboardTracker:
    """A display that writes scalars below ``folder``, in one named like the run."""

    def __init__(self, folder: Path, run: Path) -> None:
        self._folder = folder / label(run)
        self._writers: dict[str, Any] = {}

    def show(self, event: Event, baseline: str) -> None:
        """Write the event's numbers, or the run's settings."""
        writer = self._writers.get(baseline)
        if writer is None:
            writer = self._writers[baseline] = self._writer(baseline)
        if event["event"] in ("run-started", "run-resumed"):
            lines = [f"- {name}: {value}" for name, value in settings(event).items()]
            writer.add_text("settings", "\n".join(lines), walltime=milliseconds(event) / _SECOND)
        for name, value, step in numbers(event):
            writer.add_scalar(name, value, step, walltime=milliseconds(event) / _SECOND)
        if event["event"] in ("evaluated", "round-finished", "run-finished"):
            writer.flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, baseline: str) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        folder = self._folder / BASELINES / baseline if baseline else self._folder
        return SummaryWriter(log_dir=str(folder))
