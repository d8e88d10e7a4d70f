"""Runs side by side, and whether they may be compared at all."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from nbfed.outcome.plain import plain
from nbfed.outcome.results import DEVIATION, Metrics
from nbfed.outcome.summary import Summary
from nbfed.progress.display import size
from nbfed.runs import find_run, seed_runs

WEIGHTED, UNWEIGHTED, SERVER = "mean by test rows", "unweighted mean", "the server's data"
_DIGEST = 12


@dataclass(frozen=True)
class Column:
    """One column: a run, or the runs of several seeds."""

    run: str
    runs: tuple[Summary, ...]

    @property
    def first(self) -> Summary:
        """The run that stands for what all seeds have in common."""
        return self.runs[0]

    def figure(self, site: str, metric: str) -> str:
        """The metric at a site or as a mean, with its deviation over the seeds; "-" if none."""
        values = self.values(site, metric)
        if not values:
            return "-"
        mean = statistics.fmean(values)
        if len(values) < 2:
            return f"{mean:.4f}"
        return f"{mean:.4f} ± {deviation(values):.4f}"

    def values(self, site: str, metric: str) -> list[float]:
        """The metric in every seed; none where a seed lacks it."""
        found = [_of(run, site).get(metric) for run in self.runs]
        return [value for value in found if value is not None] if None not in found else []


def deviation(values: Sequence[float]) -> float:
    """The sample standard deviation of at least two values, NaN and infinity among them too."""
    mean = statistics.fmean(values)
    squares = sum((value - mean) ** 2 for value in values)
    return float((squares / (len(values) - 1)) ** 0.5)


def read_columns(runs: Sequence[Path]) -> list[Column]:
    """The runs in these folders; raises UsageError and NbfedError where there are none."""
    columns = []
    for run in runs:
        folder = find_run(run)
        members = seed_runs(folder) or [folder]
        columns.append(Column(str(folder), tuple(map(Summary.read, members))))
    return columns


def warnings(columns: Sequence[Column]) -> list[str]:
    """Why figures of these runs may not be comparable, a sentence each."""
    found = []
    if len({column.first.name for column in columns}) > 1:
        found.append("they are runs of different federations")
    if len({column.first.digest for column in columns}) > 1:
        found.append("the sites ran different programs (see digest): `nbfed diff` shows how")
    if len({tuple(column.first.rows) for column in columns}) > 1:
        found.append("not the same sites took part")
    found += _data_differ(columns)
    if any(run.outcome != "finished" for column in columns for run in column.runs):
        which = [r for c in columns for r in c.runs if r.outcome != "finished"]
        told = ", ".join(f"{run.run} ({run.outcome or 'not ended'})" for run in which)
        found.append(f"not all rounds were run: {told}")
    return found


def _data_differ(columns: Sequence[Column]) -> Iterator[str]:
    first = columns[0].first
    for column in columns[1:]:
        for site, rows in column.first.rows.items():
            before = first.rows.get(site)
            if before and before != rows:
                yield (
                    f"{site} has other data: {before.train} rows to train and {before.test} to "
                    f"test in {columns[0].run}, {rows.train} and {rows.test} in {column.run}"
                )


def comparison_table(columns: Sequence[Column]) -> Table:
    """One column a run: what it was, then every metric at every site and its means."""
    table = Table(title=_title(columns), title_justify="left", title_style="bold")
    table.add_column("")
    for column in columns:
        table.add_column(column.run, justify="right", overflow="fold")
    for name, values in _facts(columns).items():
        table.add_row(name, *values)
    sites = list(dict.fromkeys(site for c in columns for site in sorted(c.first.rows)))
    for metric in dict.fromkeys(name for column in columns for name in column.first.metrics):
        table.add_section()
        for site in (*sites, UNWEIGHTED, WEIGHTED, SERVER):
            figures = [column.figure(site, metric) for column in columns]
            if set(figures) != {"-"}:
                table.add_row(f"{metric}, {site}", *figures)
    return table


def as_json(columns: Sequence[Column]) -> str:
    """The same as JSON; the runs of several seeds stand below one folder."""
    runs = [{"folder": each.run, "runs": [asdict(run) for run in each.runs]} for each in columns]
    return json.dumps(plain({"runs": runs, "warnings": warnings(columns)}))


def _title(columns: Sequence[Column]) -> str:
    several = any(len(column.runs) > 1 for column in columns)
    return "final metrics on each site's test set" + (f"; ± {DEVIATION}" if several else "")


def _facts(columns: Sequence[Column]) -> dict[str, list[str]]:
    return {
        "strategy": [_strategy(column.first) for column in columns],
        "parameters": [_pairs(column.first.params) for column in columns],
        "seed": [", ".join(str(run.seed) for run in column.runs) for column in columns],
        "engine": [column.first.engine for column in columns],
        "rounds": [f"{c.first.rounds_done} of {c.first.rounds}" for c in columns],
        "seconds": [_seconds(column) for column in columns],
        "bytes moved": [size(sum(run.bytes for run in column.runs)) for column in columns],
        "digest": [column.first.digest[:_DIGEST] for column in columns],
    }


def _strategy(run: Summary) -> str:
    options = _pairs(run.strategy_options)
    return f"{run.strategy} ({options})" if options else run.strategy


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _seconds(column: Column) -> str:
    if any(run.seconds is None for run in column.runs):
        return "-"
    return f"{sum(run.seconds or 0 for run in column.runs):.1f}"


def _of(run: Summary, site: str) -> Metrics:
    means = {WEIGHTED: run.weighted, UNWEIGHTED: run.unweighted, SERVER: run.server}
    return means[site] if site in means else run.sites.get(site, {})
