"""When a run has trained enough, and which of its weights are the best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .condition import Condition
from .settings import Settings


class NoSuchMetric(ValueError):
    """The settings name a metric that the sites do not report."""


@dataclass(frozen=True)
class Verdict:
    """What the metrics of a round's weights mean: the best so far, and why to stop, or ""."""

    value: float = math.nan
    is_best: bool = False
    stop: str = ""


class Course:
    """The metrics of the weights so far, in the order of rounds; means weighted by examples."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._condition = Condition.parse(settings.stop_when) if settings.stop_when else None
        self._best = math.nan
        self._since = 0

    def judge(self, round_number: int, means: Mapping[str, float | None]) -> Verdict:
        """Take in the metrics of the weights after a round; raises NoSuchMetric.

        Untrained weights (round 0) are neither the best nor good enough.
        """
        metric = self._settings.best_metric
        for setting, name in (
            ("best-metric", metric),
            ("stop-when", self._condition.metric if self._condition else ""),
        ):
            if name and name not in means:
                known = ", ".join(sorted(means)) or "none"
                raise NoSuchMetric(
                    f"{setting} names {name!r}, which the sites do not report; they report: {known}"
                )
        if round_number < 1:
            return Verdict()
        value = _number(means.get(metric))
        is_best = bool(metric) and self._is_better(value)
        self._best, self._since = (value, 0) if is_best else (self._best, self._since + 1)
        return Verdict(value, is_best, self._reason_to_stop(round_number, means))

    def _is_better(self, value: float) -> bool:
        if math.isnan(value) or math.isnan(self._best):
            return not math.isnan(value)
        return value < self._best if self._settings.best_mode == "min" else value > self._best

    def _reason_to_stop(self, round_number: int, means: Mapping[str, float | None]) -> str:
        if self._condition:
            value = _number(means[self._condition.metric])
            if self._condition.holds(value):
                return f"{self._condition}: it is {value:.6g} after round {round_number}"
        patience = self._settings.stop_patience
        if patience and self._since >= patience:
            return (
                f"{self._settings.best_metric} has not been better than {self._best:.6g} "
                f"for {self._since} evaluations"
            )
        return ""


def _number(value: float | None) -> float:
    return math.nan if value is None else value
