"""The tables that set the models of a simulation side by side."""

from __future__ import annotations

import math

from nbfed.outcome.results import FEDERATED, MODELS, OWN, Metrics
from nbfed.progress.display import count
from nbfed.report.cells import Cell, Table, rows_cell
from nbfed.report.comparison import Comparison, Difference
from nbfed.report.numbers import NONE, between, number, signed

_MATRIX_SITES = 10


def own_rows_table(comparison: Comparison) -> Table:
    """Every model on each site's own test rows, and the difference that federating makes."""
    results, models = comparison.results, comparison.results.models
    compares = OWN in models and FEDERATED in models
    rows = []
    for site, found in results.sites.items():
        figures = [_site_figure(comparison, site, model) for model in models]
        change = comparison.difference(FEDERATED, OWN, [site])
        rows.append(
            (
                Cell(site), rows_cell(found.train_examples), rows_cell(found.test_examples),
                *figures,
                *([_difference(change)] if compares else []),
            )
        )  # fmt: skip
    total = (
        rows_cell(sum(site.train_examples for site in results.sites.values())),
        rows_cell(sum(site.test_examples for site in results.sites.values())),
    )
    sites = comparison.sites_with(FEDERATED, OWN)
    overall = _difference(comparison.difference(FEDERATED, OWN, sites))
    seeds = f", mean of {comparison.seeds} seeds" if comparison.seeds > 1 else ""
    return Table(
        f"{comparison.metric} on each site's own test rows after "
        f"{count(results.rounds, 'round')}{seeds}",
        (
            "site", "train rows", "test rows", *(MODELS[model] for model in models),
            *(["federated \N{MINUS SIGN} own"] if compares else []),
        ),
        tuple(rows),
        (
            (
                Cell("all test rows"), *total, *(_mean(comparison, "weighted", m) for m in models),
                *([overall] if compares else []),
            ),
            (
                Cell("mean of the sites"), Cell(""), Cell(""),
                *(_mean(comparison, "unweighted", m) for m in models),
                *([Cell("")] if compares else []),
            ),
        ),
    )  # fmt: skip


def all_rows_table(comparison: Comparison) -> Table | None:
    """Every model on all sites' test rows; by site too, where that fits on a page."""
    results = comparison.results
    owners = [site for site in results.sites if results.cross.get(site)]
    if not owners:
        return None
    shown = list(results.sites) if len(results.sites) <= _MATRIX_SITES else []
    rows = []
    for owner in owners:
        tried = results.cross[owner]
        deviations = results.deviations.cross.get(owner, {}) if results.deviations else {}
        by_site = [
            _figure(comparison, tried.get(site, {}), deviations.get(site), 0, marked=site == owner)
            for site in shown
        ]
        change = _difference(comparison.beyond(FEDERATED, owner))
        overall = _whole(comparison, comparison.elsewhere(owner))
        rows.append((Cell(f"{owner}'s own model"), *by_site, overall, change))
    foot = []
    for model in (model for model in results.models if model != OWN):
        by_site = [_site_figure(comparison, site, model, rows=0) for site in shown]
        overall = _whole(comparison, comparison.figure(model, results.sites))
        foot.append((Cell(f"{MODELS[model]} model"), *by_site, overall, Cell("")))
    return Table(
        f"{comparison.metric} of every model on every site's test rows",
        ("model", *(f"on {site}" for site in shown), "on all rows", "federated \N{MINUS SIGN} it"),
        tuple(rows),
        tuple(foot),
    )


def _site_figure(comparison: Comparison, site: str, model: str, rows: int | None = None) -> Cell:
    found, spread = comparison.results.sites[site], comparison.results.deviations
    deviations = spread.sites.get(site, {}).get(model) if spread else None
    rows = found.test_examples if rows is None else rows
    return _figure(comparison, found.metrics(model), deviations, rows)


def _mean(comparison: Comparison, kind: str, model: str) -> Cell:
    results, spread = comparison.results, comparison.results.deviations
    deviations = spread.means.get(kind, {}).get(model) if spread else None
    figure = comparison.figure(model, results.sites)
    rows = figure[1] if figure and kind == "weighted" else 0
    means = results.means.get(kind, {}).get(model, {})
    return _figure(comparison, means, deviations, rows)


def _figure(
    comparison: Comparison,
    metrics: Metrics,
    deviations: Metrics | None,
    rows: int,
    *,
    marked: bool = False,
) -> Cell:
    if comparison.metric not in metrics:
        return Cell(NONE)
    value = metrics[comparison.metric]
    if value is None or not math.isfinite(value):
        return Cell("no number")
    deviation = (deviations or {}).get(comparison.metric)
    text = number(value) + (f" ± {number(deviation)}" if deviation is not None else "")
    interval = comparison.interval(value, rows)
    return Cell(text, value, between(interval) if interval else "", marked=marked)


def _whole(comparison: Comparison, figure: tuple[float, int] | None) -> Cell:
    if figure is None:
        return Cell(NONE)
    interval = comparison.interval(*figure)
    return Cell(number(figure[0]), figure[0], between(interval) if interval else "")


def _difference(found: Difference | None) -> Cell:
    if found is None:
        return Cell(NONE)
    note = between(found.interval, sign=True) if found.interval else ""
    strong = bool(found.interval and found.interval.sign)
    return Cell(signed(found.value), found.value, note, strong)
