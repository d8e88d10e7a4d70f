"""The page: all parts of a report put into one file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nbfed import __version__
from nbfed.outcome.results import MODELS, Results
from nbfed.progress.follower import Tail
from nbfed.report import comparison_figures, run_figures
from nbfed.report.cells import Table
from nbfed.report.comparison import Comparison, headline_metric
from nbfed.report.comparison_tables import all_rows_table, own_rows_table
from nbfed.report.drawing import Figure
from nbfed.report.facts import configuration, digests, facts, highlights, status
from nbfed.report.program import ProgramRecord, read_program
from nbfed.report.record import Event, Record, record
from nbfed.report.run_tables import federation_table, series_table, sites_table
from nbfed.report.verdict import method, verdict
from nbfed.runs import EVENTS, REPORT, RESULTS, seed_runs
from nbfed.template_folder import templates_path

_BUILD = "build.json"


@dataclass(frozen=True)
class Material:
    """What a report is made from: a run's events and the files beside them.

    ``config`` is the run's configuration. ``shown`` says which run the events are of, where the
    results are those of several.
    """

    events: Sequence[Event]
    results: Results | None = None
    program: ProgramRecord | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    shown: str = ""


def write_report(run: Path) -> Path:
    """Write report.html into a run's folder from what is in it, and return its path."""
    report = run / REPORT
    report.write_text(render_report(read_material(run)), encoding="utf-8")
    return report


def read_material(run: Path) -> Material:
    """Read all that a report is made from; of several seeds, the events of the first."""
    seeds = seed_runs(run)
    told = seeds[0] if seeds and not (run / EVENTS).is_file() else run
    shown = f"seed {told.name}, the first of {len(seeds)}" if told != run else ""
    return Material(
        list(Tail(told / EVENTS).events()),
        Results.read(run) if (run / RESULTS).is_file() else None,
        read_program(told) or read_program(run),
        _config(told),
        shown,
    )


def _config(run: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((run / _BUILD).read_text(encoding="utf-8"))["run_config"]
    except (OSError, KeyError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def environment() -> Environment:
    """The templates of the report and of the page that follows a run; they escape all values."""
    return Environment(
        loader=FileSystemLoader(templates_path() / "report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_report(material: Material) -> str:
    """The page as text: no script, no link to anything outside it."""
    told = record(material.events)
    results = material.results
    comparison = (
        Comparison(results, headline_metric(results)) if results and results.metric_names else None
    )
    answer_tables, other_tables = _answer_tables(results, told)
    return (
        environment()
        .get_template("report.html.jinja")
        .render(
            version=__version__,
            name=str(told.about.get("name", "run")),
            status=status(told),
            shown=material.shown,
            highlights=highlights(told, comparison),
            verdict=verdict(results) if results else None,
            answer_figures=_answer_figures(comparison),
            answer_tables=answer_tables,
            other_tables=other_tables,
            method=method(results, comparison.metric) if results and comparison else (),
            missing=_missing(results),
            trained=told.trained,
            compares=told.about.get("engine") == "embedded",
            curves=[
                (drawn, series_table(told, metric))
                for at, metric in enumerate(told.series)
                if (drawn := run_figures.curves(told, metric, f"curve{at}"))
            ],
            grid=run_figures.participation(told, "grid"),
            sites=sites_table(told),
            rows_figure=run_figures.rows_figure(told, "rows"),
            time_figure=run_figures.time_figure(told, "time"),
            program=material.program,
            facts=facts(told, results),
            configuration=configuration(told, material.config),
            digests=digests(told, material.program),
        )
    )


def _answer_figures(comparison: Comparison | None) -> list[Figure]:
    if comparison is None:
        return []
    drawn = (
        comparison_figures.models_figure(comparison, "models"),
        comparison_figures.difference_figure(comparison, "difference"),
    )
    return [figure for figure in drawn if figure]


def _answer_tables(results: Results | None, told: Record) -> tuple[list[Table], list[Table]]:
    """The tables of the headline's metric, and those of all others."""
    if results is None or not results.metric_names:
        tables = [federation_table(told, metric) for metric in told.series]
        return tables[:1], tables[1:]
    first = headline_metric(results)
    others = [name for name in results.metric_names if name != first]
    return _compared(results, first), [each for name in others for each in _compared(results, name)]


def _compared(results: Results, metric: str) -> list[Table]:
    comparison = Comparison(results, metric)
    crossed = all_rows_table(comparison)
    return [own_rows_table(comparison), *([crossed] if crossed else [])]


def _missing(results: Results | None) -> list[tuple[str, str]]:
    if results is None:
        return []
    names = {**MODELS, "cross": "own models on other sites' rows"}
    return [(names.get(model, model), reason) for model, reason in results.missing.items()]
