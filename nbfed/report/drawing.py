"""What all figures of the page are drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import MaxNLocator

from nbfed.outcome.results import FEDERATED, OWN, POOLED
from nbfed.report.intervals import Interval
from nbfed.report.record import ALL_SITES
from nbfed.report.svg import COLOURS, sheet

WIDTH = 372.0
_LETTER, LONGEST = 6.3, 20
_MARKED_ROUNDS = 15
_MARKERS = {OWN: "o", POOLED: "^", FEDERATED: "o"}


@dataclass(frozen=True)
class Figure:
    """A drawn figure; ``key`` pairs a symbol of the page with what it stands for."""

    title: str
    svg: str
    key: tuple[tuple[str, str], ...] = ()
    wide: bool = False


def rows_sheet(
    labels: Sequence[str], *, per_row: float, width: float = WIDTH, ruled: bool = True
) -> tuple[Sheet, Axes]:
    """A sheet with a row for each label, the first one at the top."""
    left = min(max(map(len, labels)), LONGEST) * _LETTER + 12
    height = per_row * len(labels) + 46
    drawn = sheet(width, height)
    axes = drawn.add_axes(
        (left / width, 42 / height, (width - left - 14) / width, (height - 46) / height)
    )
    axes.set_yticks(range(len(labels)), [short(label, LONGEST) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    if ruled:
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        if labels[-1] == ALL_SITES:
            axes.axhline(len(labels) - 1.5, color=COLOURS["edge"], linewidth=1)
    return drawn, axes


def dot(
    axes: Axes, model: str, x: float, y: float, interval: Interval | None, *, strong: bool = False
) -> None:
    """Draw a model's figure in the row ``y``, as its own symbol, with its interval."""
    colour = COLOURS[model]
    if interval:
        width = 3.0 if strong else 1.8
        axes.plot((interval.low, interval.high), (y, y), color=colour, linewidth=width)
    face = COLOURS["page"] if model == OWN else colour
    axes.plot(
        x, y, _MARKERS[model], markersize=8.5 if strong else 6.5, markerfacecolor=face,
        markeredgecolor=colour, markeredgewidth=1.6,
    )  # fmt: skip


def line(
    axes: Axes,
    points: Sequence[tuple[int, float]],
    colour: str,
    width: float,
    dash: str | tuple[float, tuple[float, ...]] = "-",
    alpha: float = 1,
) -> None:
    """Draw a curve; few points are marked."""
    marker = "o" if len(points) <= _MARKED_ROUNDS and alpha == 1 else None
    axes.plot(
        *zip(*points, strict=True), color=colour, linewidth=width, linestyle=dash, alpha=alpha,
        marker=marker, markersize=width + 1.6,
    )  # fmt: skip


def short(text: str, longest: int) -> str:
    """The text, cut where it is longer than this."""
    return text if len(text) <= longest else f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
