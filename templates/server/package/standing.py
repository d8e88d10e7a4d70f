"""What a run has come to: its weights so far, on disk too, and whether they are good enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flwr.app import ArrayRecord
from flwr.serverapp.strategy import Strategy

from .exchange import check_like
from .run_folder import Event, RunFolder
from .settings import HAS_EVALUATE, SERVER_EVALUATES, Settings, SettingsError
from .stopping import Course
from .strategy_state import lost_of, restore, state_of


class StoppedEarly(Exception):
    """The run has trained enough; the text is the reason."""


class Standing:
    """The weights after ``done`` rounds, at first those of a checkpoint if a run is resumed."""

    def __init__(
        self, folder: RunFolder, settings: Settings, strategy: Strategy, arrays: ArrayRecord
    ) -> None:
        self.arrays = arrays
        self.done = 0
        self._file = ""
        self._restarts: list[str] = []
        self._damaged: list[str] = []
        self._unchecked = False
        self._folder = folder
        self._settings = settings
        self._strategy = strategy
        self._fresh = state_of(strategy)
        self._course = Course(settings)
        if settings.resume:
            self._resume()

    def resumed_from(self) -> Event:
        """Return what a resumed run tells of where it goes on.

        The checkpoint's file, and whether it lacks a checksum; the newer ones that are damaged;
        what the strategy remembers no more.
        """
        return {
            "rounds_done": self.done,
            "file": self._file,
            "damaged": self._damaged,
            "unchecked": self._unchecked,
            "strategy_restarts": self._restarts,
        }

    def keep(self, number: int, arrays: ArrayRecord) -> str:
        """Take in the weights that round ``number`` made; return the path of their checkpoint.

        A round counts when it is on the disk. Raises OSError, and then all is as it was.
        """
        state = state_of(self._strategy)
        changed = state if state != self._fresh else None
        file = self._folder.checkpoint(number, arrays, changed)
        self.arrays, self.done = arrays, number
        return file

    def judge(self, means: Mapping[str, float]) -> None:
        """Take in the metrics of the weights; keep those if they are the best so far.

        Raises NoSuchMetric, and StoppedEarly if another round would be of no use.
        """
        verdict = self._course.judge(self.done, means)
        if verdict.is_best:
            self._folder.event(
                "best",
                round=self.done,
                metric=self._settings.best_metric,
                value=verdict.value,
                file=self._folder.best(self.arrays),
            )
        if verdict.stop and self.done < self._settings.rounds:
            raise StoppedEarly(verdict.stop)

    def _resume(self) -> None:
        """Go back to where the run was whole for the last time; raises SettingsError."""
        path, past = self._folder.path, self._folder.past
        checkpoint, self._damaged = self._folder.newest_checkpoint()
        if checkpoint:
            if reason := check_like(checkpoint.arrays, self.arrays):
                raise SettingsError(f"{path / checkpoint.file} is not of this model: {reason}")
            self.arrays, self.done = checkpoint.arrays, checkpoint.round
            self._file, self._unchecked = checkpoint.file, checkpoint.unchecked
            if checkpoint.state is not None:
                restore(self._strategy, checkpoint.state)
            self._restarts = lost_of(self._strategy)
        ended = next((e for e in reversed(past) if e["event"] == "run-finished"), None)
        if ended and ended["outcome"] == "stopped early":
            raise SettingsError(f"the run in {path} has stopped early: {ended['reason']}")
        if ended and ended["outcome"] == "finished" and self.done >= self._settings.rounds:
            raise SettingsError(
                f"the run in {path} has finished its {self.done} rounds: --rounds asks for more"
            )
        self._remember(past)

    def _remember(self, past: list[dict[str, Any]]) -> None:
        """Judge the weights before the checkpoint's as the run did; its own are judged again."""
        told, key = _judged_by()
        means = {event["round"]: event[key] for event in past if event["event"] == told}
        last = self.done if told == "round-finished" else self.done - 1
        for number in range(1, last + 1):
            if number in means:
                self._course.judge(number, means[number])


def _judged_by() -> tuple[str, str]:
    """Return the event, and the key in it, with the metrics by which weights are judged."""
    if HAS_EVALUATE:
        return "evaluated", "weighted"
    if SERVER_EVALUATES:
        return "server-evaluated", "metrics"
    return "round-finished", "train"
