"""When the server evaluates the weights by itself, and what becomes of the metrics."""

from __future__ import annotations

import time
from typing import Protocol

from flwr.app import ArrayRecord

from .settings import Settings
from .sites import EmitEvent


class Evaluates(Protocol):
    """The server's own evaluation of global weights."""

    def metrics(self, arrays: ArrayRecord, number: int) -> dict[str, float]:
        """Return the metrics of the weights after round ``number``."""


class CannotEvaluate(Exception):
    """The server's own evaluation has failed; the text says how."""


class ServerMetrics:
    """The server's own evaluation in a run; ``evaluates`` is None where there is none."""

    def __init__(self, evaluates: Evaluates | None, settings: Settings, emit: EmitEvent) -> None:
        self._evaluates = evaluates
        self._settings = settings
        self._emit = emit

    @property
    def there(self) -> bool:
        """Whether the server evaluates at all."""
        return self._evaluates is not None

    def of(self, arrays: ArrayRecord, number: int) -> dict[str, float] | None:
        """Evaluate the weights after round ``number`` if it is time to, and tell the metrics.

        They are due when the sites' would be: every so many rounds, 0 for the initial weights
        among them, and after the last one. Raises CannotEvaluate.
        """
        if self._evaluates is None or not self._is_due(number):
            return None
        start = time.monotonic()
        try:
            metrics = self._evaluates.metrics(arrays, number)
        except Exception as error:
            reason = f"the server's own evaluation failed: {type(error).__name__}: {error}"
            raise CannotEvaluate(reason) from error
        seconds = round(time.monotonic() - start, 3)
        self._emit("server-evaluated", round=number, metrics=metrics, seconds=seconds)
        return metrics

    def _is_due(self, number: int) -> bool:
        every = self._settings.evaluate_every
        return number == self._settings.rounds or (every > 0 and number % every == 0)
