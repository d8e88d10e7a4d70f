"""HTML for a notebook's screen. Everything that comes from outside is escaped.

Plain tables that take the front end's own style, light or dark, with colours that both can show.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from rich.console import Console

from nbfed.outcome.results import MODELS, Results
from nbfed.outcome.table import MEANS, caption, figure, print_results
from nbfed.progress.display import baseline_name, change, figures, size
from nbfed.progress.display import figure as plain_figure
from nbfed.progress.view import RunView

_COLOURS = {"error": "#c62828", "warning": "#b26a00", "info": "#1565c0"}
_PRE = "white-space:pre-wrap;margin:0"


def note(text_: str) -> str:
    """A line of small print."""
    return f'<div style="opacity:.7;font-size:90%">{escape(text_)}</div>'


def text(text_: str) -> str:
    """What a command printed."""
    return f'<pre style="{_PRE}">{escape(text_)}</pre>'


def diagnostics(findings: Sequence[Mapping[str, Any]]) -> str:
    """The findings of ``nbfed check --format json``, each with its place, line and hint."""
    if not findings:
        return "<div>No problems found.</div>"
    return "".join(map(_finding, findings))


def _finding(found: Mapping[str, Any]) -> str:
    colour = _COLOURS.get(found["severity"], "inherit")
    place = ", ".join(
        f"{word} {found[word]}" for word in ("cell", "line") if found[word] is not None
    )
    parts = [
        f'<div style="border-left:3px solid {colour};padding:2px 8px;margin:6px 0">',
        f'<b style="color:{colour}">{escape(found["severity"])}</b> ',
        f"<code>{escape(found['code'])}</code> {escape(found['message'])}",
        f' <span style="opacity:.7">{escape(place)}</span>' if place else "",
    ]
    if found["source_line"].strip():
        parts.append(f'<pre style="{_PRE}">{escape(_marked(found))}</pre>')
    for line in found["hint"].splitlines():
        parts.append(f'<div style="opacity:.8">hint: {escape(line)}</div>')
    return "".join(parts) + "</div>"


def _marked(found: Mapping[str, Any]) -> str:
    line = found["source_line"].rstrip()
    if not found["column"]:
        return str(line)
    before = found["column"] - 1
    lead = "".join("\t" if mark == "\t" else " " for mark in line[:before])
    return f"{line}\n{lead}{'^' * max(1, min(found['length'], len(line) - before))}"


def progress(view: RunView, baselines: Mapping[str, RunView]) -> str:
    """A run as it goes on."""
    done = f"round {max(view.round, view.done)} of {view.rounds}"
    spent = f"{sum(view.round_seconds):.0f} s"
    if view.seconds_left and not view.outcome:
        spent += f", about {view.seconds_left:.0f} s left"
    if view.bytes_moved:
        spent += f", {size(view.bytes_moved)} moved"
    heading = f"{view.name}: {view.strategy}, seed {view.seed}" if view.name else "starting"
    parts = [
        f"<div><b>{escape(heading)}</b></div>",
        f'<div><progress max="{max(view.rounds, 1)}" value="{view.done}" '
        f'aria-label="{escape(done)}"></progress> {escape(done)}, {escape(spent)}</div>',
    ]
    if view.sites:
        parts.append(_sites(view))
    if view.server_metrics:
        shown = figures(view.server_metrics, view.server_before)
        parts.append(f"<div>the server's own data: {escape(shown)}</div>")
    notes = [view.note, f"{view.outcome}: {view.reason}" if view.reason else view.outcome]
    parts += [f"<div>{escape(each)}</div>" for each in notes if each]
    running = [baseline_name(name) for name, each in baselines.items() if not each.outcome]
    if running:
        parts.append(note(f"baselines: {', '.join(running)}"))
    return "".join(parts)


def _sites(view: RunView) -> str:
    metric = next(iter(view.metrics), "")
    rows = []
    for name, site in view.sites.items():
        value = site.metrics.get(metric)
        known = metric in site.metrics
        rows.append(
            (
                name,
                site.state,
                str(site.examples or ""),
                plain_figure(value) if known else "",
                change(value, site.before.get(metric)) if known else "",
            )
        )
    return table(("site", "state", "rows", metric, "change" if metric else ""), rows)


def results(found: Results) -> str:
    """The results table of each metric: every model on every site's test set."""
    if not found.metric_names:
        return "<div>the sites evaluate nothing: no models to compare</div>"
    return "".join(_metric(found, metric) for metric in found.metric_names)


def results_text(found: Results) -> str:
    """The same as text."""
    console = Console(file=io.StringIO(), width=120, color_system=None)
    with console.capture() as capture:
        print_results(console, found)
    return capture.get()


def _metric(found: Results, metric: str) -> str:
    spread = found.deviations
    rows = [
        (
            name,
            str(site.train_examples),
            str(site.test_examples),
            *(
                figure(
                    site.metrics(model),
                    metric,
                    spread.sites.get(name, {}).get(model) if spread else None,
                )
                for model in found.models
            ),
        )
        for name, site in found.sites.items()
    ]
    for kind, words in MEANS.items():
        means = found.means.get(kind, {})
        spreads = spread.means.get(kind, {}) if spread else {}
        values = (
            figure(means.get(model, {}), metric, spreads.get(model)) for model in found.models
        )
        rows.append((words, "", "", *values))
    headings = ("site", "train rows", "test rows", *(MODELS[model] for model in found.models))
    return table(headings, rows, caption(found, metric))


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], title: str = "") -> str:
    """A table; the first column names the row."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in headings)
    body = []
    for name, *cells in rows:
        values = "".join(f'<td style="text-align:right">{escape(each)}</td>' for each in cells)
        body.append(f'<tr><th scope="row" style="text-align:left">{escape(name)}</th>{values}</tr>')
    told = f'<caption style="text-align:left">{escape(title)}</caption>' if title else ""
    return f"<table>{told}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
