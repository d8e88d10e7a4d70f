"""Confidence intervals that need nothing but the figures a run has: counts of rows, and seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95
_STEPS = 400


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high``, in the unit of the figure that it belongs to."""

    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where all of it is above or below zero, else 0."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


def wilson(share: float, rows: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a share (0 to 1) of ``rows`` rows, without a correction.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22 (1927).
    """
    z = _normal_quantile(level)
    shrunk = 1 + z * z / rows
    centre = (share + z * z / (2 * rows)) / shrunk
    half = z / shrunk * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def newcombe(
    share: float, rows: int, other: float, other_rows: int, level: float = LEVEL
) -> Interval:
    """The interval of ``share - other``, each a share of rows of its own.

    Newcombe's hybrid score interval (method 10), from the two Wilson intervals. Where both are
    shares of the same rows and tend to go together, as two models' right answers do, it is wider
    than one that knew the rows. Source: R. G. Newcombe, Interval estimation for the difference
    between independent proportions, Statistics in Medicine 17 (1998).
    """
    one, two = wilson(share, rows, level), wilson(other, other_rows, level)
    difference = share - other
    return Interval(
        difference - math.hypot(share - one.low, two.high - other),
        difference + math.hypot(one.high - share, other - two.low),
    )


def scaled(interval: Interval, scale: float) -> Interval:
    """The interval in a unit of which ``scale`` make one."""
    return Interval(interval.low * scale, interval.high * scale)


def student(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Student's interval of the mean of ``values``; None for fewer than two, or no numbers."""
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return None
    mean = statistics.fmean(values)
    error = statistics.stdev(values) / math.sqrt(len(values))
    half = _student_quantile(level, len(values) - 1) * error
    return Interval(mean - half, mean + half)


def _normal_quantile(level: float) -> float:
    return statistics.NormalDist().inv_cdf(1 - (1 - level) / 2)


def _student_quantile(level: float, freedom: int) -> float:
    """The t with P(-t < T < t) = level, found by halving."""
    low, high = 0.0, 1.0
    while _student_within(high, freedom) < level:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if _student_within(middle, freedom) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _student_within(t: float, freedom: int) -> float:
    """P(-t < T < t), by Simpson's rule over the angle atan(t / sqrt(freedom)), where it is smooth.

    The density becomes a constant times cos(angle) ** (freedom - 1).
    """
    end = math.atan(t / math.sqrt(freedom))
    constant = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))
    step = end / _STEPS
    total = sum(
        (1 if number in (0, _STEPS) else 4 if number % 2 else 2)
        * math.cos(number * step) ** (freedom - 1)
        for number in range(_STEPS + 1)
    )
    return 2 * constant / math.sqrt(math.pi) * total * step / 3
