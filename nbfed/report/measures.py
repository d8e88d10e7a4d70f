"""What is known of a metric from its name and its values: which way is better, is it a share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

# Words of a metric's name. The first that is found decides, and `loss` comes before all.
_LOWER = ("loss", "error", "err", "mae", "mse", "rmse", "mape", "nll", "brier", "perplexity")
_HIGHER = (
    "accuracy",
    "acc",
    "auc",
    "auroc",
    "auprc",
    "f1",
    "precision",
    "recall",
    "sensitivity",
    "specificity",
    "dice",
    "iou",
    "jaccard",
    "kappa",
    "mcc",
    "r2",
    "cindex",
    "top1",
    "top5",
)
# Shares of all test rows. A balanced accuracy, a precision or a recall is a share of other counts.
_SHARES = ("accuracy", "acc", "top1", "top5")
_NO_SHARES = ("balanced", "loss", "pixel", "token", "mean", "macro", "weighted")
_ONE, _PERCENT = 1.0, 100.0


@dataclass(frozen=True)
class Measure:
    """One metric. ``better`` is 1 where more is better, -1 where less is, 0 where unknown.

    ``scale`` is 1 where the metric is a share of the test rows, 100 where it is one in percent,
    and 0 where it is none, or not known to be one.
    """

    name: str
    better: int
    scale: float

    @property
    def is_share(self) -> bool:
        """Whether the metric is a share of the test rows."""
        return self.scale > 0


def measure(name: str, figures: Iterable[tuple[float, int]]) -> Measure:
    """What is known of the metric ``name``; ``figures`` are single runs' values and test rows.

    It is taken for a share of the rows only if its name says so and every value is a whole
    number of rows: an accuracy that was averaged over batches is not.
    """
    words = _words(name)
    scale = 0.0
    if words & set(_SHARES) and not words & set(_NO_SHARES):
        known = [(value, rows) for value, rows in figures if rows and math.isfinite(value)]
        fitting = [each for each in (_ONE, _PERCENT) if known and _whole(known, each)]
        scale = fitting[0] if fitting else 0.0
    return Measure(name, _better(words), scale)


def _words(name: str) -> set[str]:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.split(r"[^a-z0-9]+", parted.lower()))


def _better(words: set[str]) -> int:
    return -1 if words & set(_LOWER) else 1 if words & set(_HIGHER) else 0


def _whole(figures: list[tuple[float, int]], scale: float) -> bool:
    """Whether all values are counts of rows; most metrics come as 32-bit floats."""
    return all(
        0 <= value <= scale
        and abs(value / scale * rows - round(value / scale * rows)) <= max(1e-3, 2e-7 * rows)
        for value, rows in figures
    )
