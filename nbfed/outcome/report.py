"""report.html: one page about a run, for a person who was not there."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nbfed import __version__
from nbfed.emit.templates import templates_path
from nbfed.outcome.chart import Chart, Point, chart
from nbfed.outcome.results import MODELS, Results
from nbfed.outcome.table import MEANS, caption, figure
from nbfed.progress.display import figures, size
from nbfed.progress.follower import Tail
from nbfed.progress.view import RunView
from nbfed.runs import EVENTS, REPORT, RESULTS

ALL_SITES = "all sites, weighted"


@dataclass(frozen=True)
class Table:
    """One metric's table: a caption, column headings, one row a site, the means below."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    means: tuple[tuple[str, ...], ...]


def write_report(run: Path) -> Path:
    """Write report.html into a run's folder from what is in it, and return its path."""
    events = list(Tail(run / EVENTS).events())
    results = Results.read(run) if (run / RESULTS).is_file() else None
    report = run / REPORT
    report.write_text(render_report(events, results), encoding="utf-8")
    return report


def render_report(events: list[dict[str, Any]], results: Results | None) -> str:
    """The page as text: no script, no link to anything outside it."""
    view = RunView()
    for event in events:
        view.apply(event)
    started: Mapping[str, Any] = next((e for e in events if e["event"] == "run-started"), {})
    environment = Environment(
        loader=FileSystemLoader(templates_path() / "report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja").render(
        version=__version__,
        view=view,
        tables=tables(results) if results else [],
        missing=dict(results.missing) if results else {},
        models=MODELS,
        charts=list(charts(events)),
        emphasised=ALL_SITES,
        final=figures(view.metrics, {}),
        facts=facts(view, started, events),
        configuration=configuration(started),
        # A round that was lost with the server was made again when the run went on.
        rounds=list({e["round"]: e for e in events if e["event"] == "round-finished"}.values()),
    )


def tables(results: Results) -> list[Table]:
    """A table for each metric, the first one first."""
    total = sum(site.test_examples for site in results.sites.values())
    headings = ("site", "train rows", "test rows", *(MODELS[model] for model in results.models))
    return [
        Table(
            caption(results, metric),
            headings,
            tuple(
                (
                    name,
                    str(site.train_examples),
                    str(site.test_examples),
                    *(figure(site.metrics(model), metric) for model in results.models),
                )
                for name, site in results.sites.items()
            ),
            tuple(
                (
                    words,
                    "",
                    str(total),
                    *(
                        figure(results.means.get(mean, {}).get(model, {}), metric)
                        for model in results.models
                    ),
                )
                for mean, words in MEANS.items()
            ),
        )
        for metric in results.metric_names
    ]


def charts(events: list[dict[str, Any]]) -> Iterator[Chart]:
    """One chart for each metric that the sites evaluated, a line for each site and for all."""
    series: dict[str, dict[str, dict[int, Point]]] = {}
    for event in events:
        if event["event"] != "evaluated":
            continue
        at = event["round"]
        found = {name: each["metrics"] for name, each in event["sites"].items()}
        for line, metrics in {**found, ALL_SITES: event["weighted"]}.items():
            for metric, value in metrics.items():
                number = math.nan if value is None else float(value)
                series.setdefault(metric, {}).setdefault(line, {})[at] = (at, number)
    for metric, lines in series.items():
        points = {line: list(found.values()) for line, found in lines.items()}
        if drawn := chart(metric, points, ALL_SITES):
            yield drawn


def facts(
    view: RunView, started: Mapping[str, Any], events: list[dict[str, Any]]
) -> list[tuple[str, str]]:
    """What happened, as pairs of a name and a value."""
    endings = [event for event in events if event["event"] == "run-finished"]
    ended: Mapping[str, Any] = endings[-1] if endings else {}
    pairs = [
        ("outcome", f"{view.outcome or 'not finished'}{': ' + view.reason if view.reason else ''}"),
        ("rounds", f"{view.done} of {view.rounds}"),
        ("started", str(started.get("time", ""))),
        ("seconds", str(ended.get("seconds", ""))),
        ("bytes moved", size(view.bytes_moved)),
        ("engine", str(started.get("engine", ""))),
        ("digest of the client package", str(started.get("digest", ""))),
    ]
    return [(name, value) for name, value in pairs if value]


def configuration(started: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The run's settings and versions, as pairs of a name and a value."""
    keys = ("strategy", "rounds", "seed", "min_sites", "params", "versions")
    pairs = []
    for key in keys:
        value = started.get(key)
        if isinstance(value, dict):
            pairs += [(f"{key}.{name}", json.dumps(each)) for name, each in value.items()]
        elif value is not None:
            pairs.append((key, str(value)))
    return pairs
