"""Figures of what happened in a run: curves, who took part, rows, time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from matplotlib.ticker import MaxNLocator

from nbfed.progress.display import count
from nbfed.report.drawing import WIDTH, Figure, line, rows_sheet, short
from nbfed.report.numbers import number
from nbfed.report.record import (
    ALL_SITES,
    AWAY,
    FAILED,
    NOT_ASKED,
    OPEN,
    SERVER,
    TOOK_PART,
    UNDER_WAY,
    Record,
)
from nbfed.report.svg import COLOURS, inline_svg, page_style, sheet

_TOLD_APART = 6
_BARS = 12
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.8)), (0, (6, 2, 1.5, 2)), (0, (3, 3)), (0, (9, 3)))


def curves(record: Record, metric: str, name: str) -> Figure | None:
    """A metric after each round, a line for each site and one for all."""
    lines = {
        line: sorted((r, v) for r, v in points.items() if math.isfinite(v))
        for line, points in record.series[metric].items()
    }
    sites = [site for site in record.sites if lines.get(site)]
    if not any(lines.values()):
        return None
    apart = len(sites) <= _TOLD_APART
    with page_style():
        drawn = sheet(WIDTH, 250)
        axes = drawn.add_axes((0.135, 0.17, 0.835, 0.78))
        for at, site in enumerate(sites):
            colour = COLOURS[f"c{at}"] if apart else COLOURS["faint"]
            dash = _DASHES[at] if apart else "-"
            line(axes, lines[site], colour, 1.4 if apart else 0.8, dash, 1 if apart else 0.45)
        if lines.get(ALL_SITES):
            line(axes, lines[ALL_SITES], COLOURS["text"], 2.6)
        if lines.get(SERVER):
            line(axes, lines[SERVER], COLOURS["own"], 2.2, _DASHES[-1])
        rounds = [number_of for points in lines.values() for number_of, _ in points]
        first, last = min(rounds), max(*rounds, min(rounds) + 1)
        axes.set_xlim(first - 0.02 * (last - first), last + 0.02 * (last - first))
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.tick_params(length=0, labelcolor=COLOURS["faint"])
        axes.set_xlabel("round")
        title = f"{metric} after each round" if not record.trained else f"{metric} in each round"
        told = "; ".join(_course(line, points) for line, points in lines.items() if points)
        svg = inline_svg(drawn, name, title, told)
    key = [(f"line{at}", site) for at, site in enumerate(sites)] if apart else []
    if not apart:
        key.append(("thin", f"each of {len(sites)} sites"))
    if lines.get(ALL_SITES):
        key.append(("all", "all sites, by rows"))
    if lines.get(SERVER):
        key.append(("server", SERVER))
    return Figure(title, svg, tuple(key))


def participation(record: Record, name: str) -> Figure | None:
    """Who took part in which round: a line of blocks for each site."""
    rounds = record.rounds
    if not rounds:
        return None
    looks: Mapping[str, tuple[str, str | None, str]] = {
        TOOK_PART: ("federated", None, "none"),
        FAILED: ("bad", "xxxx", "none"),
        OPEN: ("away", "////", "none"),
        UNDER_WAY: ("page", None, "federated"),
        AWAY: ("page", None, "away"),
        NOT_ASKED: ("edge", None, "none"),
    }
    seen: set[str] = set()
    with page_style():
        drawn, axes = rows_sheet(list(record.sites), per_row=19, width=2 * WIDTH, ruled=False)
        gap = 0.12 if len(rounds) <= 60 else 0.0
        for at, site in enumerate(record.sites.values()):
            for state, first, length in _stretches(site.states, rounds, whole=gap == 0):
                seen.add(state)
                face, hatch, edge = looks[state]
                axes.broken_barh(
                    [(first - 0.5 + gap / 2, length - gap)], (at - 0.34, 0.68),
                    facecolors=COLOURS[face], hatch=hatch, linewidth=0.8,
                    edgecolors=COLOURS["page"] if hatch else COLOURS.get(edge, "none"),
                )  # fmt: skip
        axes.set_xlim(rounds[0] - 0.5, rounds[-1] + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        axes.set_xlabel("round")
        title = "Who took part in which round"
        told = "; ".join(
            f"{which} in {site.rounds} of {len(rounds)}" for which, site in record.sites.items()
        )
        svg = inline_svg(drawn, name, title, told)
    key = tuple((state.replace(" ", "-"), state) for state in looks if state in seen)
    return Figure(title, svg, key, wide=True)


def time_figure(record: Record, name: str) -> Figure | None:
    """Where the run's time went, one bar for each phase."""
    return _bars("Where the time went", record.phases, name, "seconds", lambda s: f"{s:.1f} s")


def rows_figure(record: Record, name: str) -> Figure | None:
    """How many rows each site trained on; None for many sites, which the table has as well."""
    if len(record.sites) > _BARS:
        return None
    rows = {site: float(each.train_rows) for site, each in record.sites.items() if each.train_rows}
    return _bars("Training rows of each site", rows, name, "rows", lambda rows: f"{rows:.0f}")


def _bars(
    title: str, values: Mapping[str, float], name: str, unit: str, write: Callable[[float], str]
) -> Figure | None:
    if not values:
        return None
    with page_style():
        drawn = sheet(WIDTH, 36 * len(values) + 6)
        axes = drawn.add_axes((0.005, 0.02, 0.99, 0.96))
        longest = max(values.values())
        for at, (label, value) in enumerate(values.items()):
            axes.barh(at + 0.2, value, height=0.34, color=COLOURS["federated"])
            axes.text(0, at - 0.14, short(label, 60), va="bottom", fontsize=10.5)
            axes.text(
                value + longest * 0.015, at + 0.2, write(value), va="center",
                color=COLOURS["faint"], fontsize=10.5,
            )  # fmt: skip
        axes.set_xlim(0, longest * 1.22)
        axes.set_ylim(len(values) - 0.5, -0.6)
        axes.axis("off")
        told = "; ".join(f"{label} {write(value)}" for label, value in values.items())
        return Figure(title, inline_svg(drawn, name, f"{title}, in {unit}", told))


def _stretches(
    states: Mapping[int, str], rounds: Sequence[int], *, whole: bool
) -> list[tuple[str, int, int]]:
    """Each state with its first round and for how many: one, unless ``whole`` joins them."""
    found: list[tuple[str, int, int]] = []
    for number_of in rounds:
        state = states.get(number_of, NOT_ASKED)
        if whole and found and found[-1][0] == state and sum(found[-1][1:]) == number_of:
            found[-1] = (state, found[-1][1], found[-1][2] + 1)
        else:
            found.append((state, number_of, 1))
    return found


def _course(line: str, points: Sequence[tuple[int, float]]) -> str:
    (first, start), (last, end) = points[0], points[-1]
    return f"{line}: {number(start)} after {count(first, 'round')}, {number(end)} after {last}"
