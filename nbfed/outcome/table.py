"""The table that answers whether federating was worth it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from nbfed.outcome.results import CROSS, MODELS, ByModel, Metrics, Results

MEANS = {"unweighted": "unweighted mean", "weighted": "mean by test rows"}


def print_results(console: Console, results: Results) -> None:
    """Print the first metric's table, and what is missing from it."""
    if not results.metric_names:
        console.print("the sites evaluate nothing: no models to compare")
        return
    console.print(results_table(results, results.metric_names[0]))
    for model, reason in results.missing.items():
        if model != CROSS:  # which is the report's to show
            console.print(f"no figures of {MODELS.get(model, model)}: {reason}", markup=False)
    if others := results.metric_names[1:]:
        console.print(f"also measured, see the report: {', '.join(others)}", markup=False)


def results_table(results: Results, metric: str) -> Table:
    """One metric of every model on every site's test set, with the rows it stands on."""
    table = Table(title=caption(results, metric), title_justify="left", title_style="bold")
    table.add_column("site")
    for heading in ("train rows", "test rows", *(MODELS[model] for model in results.models)):
        table.add_column(heading, justify="right")
    for name, site in results.sites.items():
        figures = {model: site.metrics(model) for model in results.models}
        spread = results.deviations.sites.get(name, {}) if results.deviations else {}
        values = _figures(figures, spread, metric)
        table.add_row(name, str(site.train_examples), str(site.test_examples), *values)
    table.add_section()
    total = sum(site.test_examples for site in results.sites.values())
    for mean, words in MEANS.items():
        figures = {model: results.means.get(mean, {}).get(model, {}) for model in results.models}
        spread = results.deviations.means.get(mean, {}) if results.deviations else {}
        table.add_row(words, "", str(total), *_figures(figures, spread, metric))
    return table


def caption(results: Results, metric: str) -> str:
    """What the table shows."""
    rounds = "1 round" if results.rounds == 1 else f"{results.rounds} rounds"
    shown = f"{metric} on each site's test set after {rounds}"
    if not results.deviations:
        return f"{shown}, seed {results.seed}"
    seeds = f"seeds {', '.join(results.seeds)}"
    return f"{shown}, {seeds}:\nmean ± {results.deviations.kind}"


def figure(metrics: Metrics, metric: str, deviations: Metrics | None = None) -> str:
    """A metric to four decimals, with its deviation if there is one; ``-`` if not measured."""
    value = metrics.get(metric)
    if value is None:
        return "-"
    deviation = (deviations or {}).get(metric)
    return f"{value:.4f}" if deviation is None else f"{value:.4f} ± {deviation:.4f}"


def _figures(figures: ByModel, spread: ByModel, metric: str) -> list[str]:
    return [figure(found, metric, spread.get(model)) for model, found in figures.items()]
