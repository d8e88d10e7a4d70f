"""Figures that set the models of a simulation side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from nbfed.outcome.results import FEDERATED, MODELS, OWN
from nbfed.report.comparison import Comparison, Difference
from nbfed.report.drawing import Figure, dot, rows_sheet
from nbfed.report.numbers import number, signed
from nbfed.report.record import ALL_SITES
from nbfed.report.svg import COLOURS, inline_svg, page_style

_ROW = 30.0


def models_figure(comparison: Comparison, name: str) -> Figure | None:
    """Each model's figure on each site's test rows, with its interval where there is one."""
    models = comparison.results.models
    sites = [
        site
        for site in comparison.results.sites
        if any(comparison.figure(model, [site]) for model in models)
    ]
    if not sites or not models:
        return None
    rows = [(site, [site]) for site in sites] + [(ALL_SITES, comparison.sites_with(*models))]
    with page_style():
        drawn, axes = rows_sheet([row for row, _ in rows], per_row=_ROW + 6 * (len(models) - 1))
        for at, (_, of) in enumerate(rows):
            for which, model in enumerate(models):
                if figure := comparison.figure(model, of):
                    y = at + (which - (len(models) - 1) / 2) * 0.24
                    value, interval = figure[0], comparison.interval(*figure)
                    dot(axes, model, value, y, interval)
        axes.set_xlabel(comparison.metric)
        title = f"{comparison.metric} of each model on each site's test rows"
        told = "; ".join(_spoken(comparison, row, of) for row, of in rows)
        svg = inline_svg(drawn, name, title, told)
    return Figure(title, svg, tuple((model, MODELS[model]) for model in models))


def difference_figure(comparison: Comparison, name: str) -> Figure | None:
    """Federated minus own model, by site and over all, with the interval of each."""
    sites = comparison.sites_with(FEDERATED, OWN)
    found: list[tuple[str, Difference]] = []
    for row, of in [*((site, [site]) for site in sites), (ALL_SITES, sites)]:
        if each := comparison.difference(FEDERATED, OWN, of):
            found.append((row, each))
    if len(found) < 2:
        return None
    with page_style():
        per_row = _ROW + 6 * (len(comparison.results.models) - 1)
        drawn, axes = rows_sheet([row for row, _ in found], per_row=per_row)
        axes.axvline(0, color=COLOURS["text"], linewidth=1)
        for at, (row, each) in enumerate(found):
            dot(axes, FEDERATED, each.value, at, each.interval, strong=row == ALL_SITES)
        low, high = axes.get_xlim()
        reach = max(abs(low), abs(high))
        axes.set_xlim(-reach, reach)
        _label_sides(axes, comparison)
        title = f"{comparison.metric}: federated model minus the site's own"
        told = "; ".join(
            f"{row} {signed(each.value)}"
            + (f", {signed(each.interval.low)} to {signed(each.interval.high)}"
               if each.interval else "")
            for row, each in found
        )  # fmt: skip
        svg = inline_svg(drawn, name, title, told)
    return Figure(title, svg)


def _label_sides(axes: Axes, comparison: Comparison) -> None:
    """Say below the axis which side of zero is whose."""
    better = comparison.measure.better
    if not better:
        axes.set_xlabel(f"difference of {comparison.metric}")
        return
    sides = [f"{words} better" for words in (MODELS[OWN], MODELS[FEDERATED])[::better]]
    below: dict[str, Any] = {
        "va": "top", "color": COLOURS["faint"], "transform": axes.transAxes
    }  # fmt: skip
    # In shares of the axes' height, which has as many rows as there are labels.
    at = -26 / (axes.bbox.height or 1)
    axes.text(0, at, f"\N{LEFTWARDS ARROW} {sides[0]}", ha="left", **below)
    axes.text(1, at, f"{sides[1]} \N{RIGHTWARDS ARROW}", ha="right", **below)


def _spoken(comparison: Comparison, row: str, sites: Sequence[str]) -> str:
    parts = [
        f"{MODELS[model]} {number(figure[0])}"
        for model in comparison.results.models
        if (figure := comparison.figure(model, sites))
    ]
    return f"{row}: {', '.join(parts)}"
