"""A line chart as SVG: metrics over rounds, drawn without scripts or fonts of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 32
_TICKS = 5
_HIGHEST = 1e100

Point = tuple[int, float]


@dataclass(frozen=True)
class Line:
    """One series: its points in pixels as SVG writes them, and where its last point is."""

    name: str
    points: str
    x: float
    y: float
    emphasis: bool


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, at a pixel, with its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A chart, ready to be written as SVG. Lines are told apart by order, as in ``lines``."""

    metric: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def chart(metric: str, series: Mapping[str, Sequence[Point]], emphasised: str) -> Chart | None:
    """Draw one metric's series over rounds; None where no series has a point that is a number."""
    finite = {
        name: [(x, y) for x, y in points if abs(y) < _HIGHEST] for name, points in series.items()
    }
    everything = [point for points in finite.values() for point in points]
    if not everything:
        return None
    last = max(1, *(x for x, _ in everything))
    y_marks = nice_ticks(min(y for _, y in everything), max(y for _, y in everything))
    low, high = y_marks[0], y_marks[-1]

    def across(x: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * x / last, 1)

    def down(y: float) -> float:
        inner = HEIGHT - _TOP - _BOTTOM
        return round(_TOP + inner * (1 - (y - low) / (high - low)), 1)

    lines = tuple(
        Line(
            name,
            " ".join(f"{across(x)},{down(y)}" for x, y in points),
            across(points[-1][0]),
            down(points[-1][1]),
            name == emphasised,
        )
        for name, points in finite.items()
        if points
    )
    step = max(1, math.ceil(last / 10))
    return Chart(
        metric,
        lines,
        tuple(Tick(across(x), str(x)) for x in range(0, last + 1, step)),
        tuple(Tick(down(y), f"{y:g}") for y in y_marks),
    )


def nice_ticks(low: float, high: float) -> list[float]:
    """Round numbers that enclose the range, about five of them and at least two."""
    if high <= low:
        pad = abs(low) / 10 or 0.5
        low, high = low - pad, high + pad
    raw = (high - low) / (_TICKS - 1)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(magnitude * each for each in (1, 2, 2.5, 5, 10) if magnitude * each >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * number, 12) for number in range(first, last + 1)]
