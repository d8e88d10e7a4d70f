"""Rank the points of a sweep by one metric of the federated model."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from nbfed.errors import UsageError
from nbfed.federation.errors import nearest
from nbfed.outcome.results import DEVIATION, FEDERATED, Results
from nbfed.outcome.table import figure
from nbfed.sweep.axes import Point, spelled

_SMALL = re.compile(r"loss|err|mae|mse|brier|perplexity|(^|_)ece|distance|nll", re.IGNORECASE)
TEST_DATA = (
    "these are figures of the sites' test data, on which the choice now depends: the best one "
    "looks better than it is; confirm it on data that had no part in the choice"
)
ONE_SEED = "one seed each: differences may be chance, and --seeds 5 shows how much of them"


@dataclass(frozen=True)
class Outcome:
    """What came of a point: its results, or why there are none."""

    point: Point
    folder: Path
    results: Results | None
    error: str = ""

    def value(self, metric: str) -> float:
        """The metric's mean over the sites by their test rows; NaN where there is none."""
        if self.results is None:
            return math.nan
        value = self.results.means["weighted"].get(FEDERATED, {}).get(metric)
        return math.nan if value is None else value

    @property
    def seconds(self) -> float:
        """How long the federated training took, in all seeds together."""
        return self.results.seconds.get(FEDERATED, 0.0) if self.results else 0.0


@dataclass(frozen=True)
class Ranking:
    """The outcomes, the best first; those without a figure stand last."""

    metric: str
    higher: bool
    outcomes: tuple[Outcome, ...]

    @property
    def direction(self) -> str:
        """Which way is better, in words."""
        return "higher is better" if self.higher else "lower is better"

    @property
    def warnings(self) -> list[str]:
        """What to think of before the best one is taken."""
        found = [each.results for each in self.outcomes if each.results]
        return [TEST_DATA] + [ONE_SEED] * any(not each.deviations for each in found)


def ranked(outcomes: Sequence[Outcome], metric: str, mode: str) -> Ranking:
    """Rank by ``metric`` ("" for the first one), more being better by ``mode`` max, min or "".

    Without a mode, names such as loss and error tell. Raises UsageError for an unknown metric.
    """
    names = [name for each in outcomes if each.results for name in each.results.metric_names]
    known = list(dict.fromkeys(names))
    if known and metric:
        require_metric(metric, known)
    chosen = metric or (known[0] if known else "")
    higher = mode == "max" if mode else not _SMALL.search(chosen)

    def place(outcome: Outcome) -> tuple[bool, float]:
        value = outcome.value(chosen)
        return math.isnan(value), -value if higher else value

    return Ranking(chosen, higher, tuple(sorted(outcomes, key=place)))


def require_metric(metric: str, known: Sequence[str]) -> None:
    """Raise UsageError unless there is this metric."""
    if metric not in known:
        hint = nearest(metric, known) or f"there are: {', '.join(known)}"
        raise UsageError(f"there is no metric {metric}", hint=hint)


def ranking_table(ranking: Ranking) -> Table:
    """A row for each point, with the mean by test rows, the plain mean and the worst site."""
    spread = any(each.results and each.results.deviations for each in ranking.outcomes)
    title = f"federated model, ranked by {ranking.metric} ({ranking.direction})"
    table = Table(title=title + (f";\n± {DEVIATION}" if spread else ""), title_justify="left")
    table.add_column("", justify="right")
    keys = list(ranking.outcomes[0].point.values)
    for key in keys:
        table.add_column(key)
    for heading in ("mean by test rows", "unweighted mean", "worst site", "seconds"):
        table.add_column(heading, justify="right")
    for rank, each in enumerate(ranking.outcomes, 1):
        values = [spelled(each.point.values[key]) for key in keys]
        if each.results is None:
            table.add_row("-", *values, "failed", "", "", "")
        else:
            figures = (*_means(each.results, ranking.metric), _worst(each.results, ranking))
            table.add_row(str(rank), *values, *figures, f"{each.seconds:.1f}")
    return table


def as_record(ranking: Ranking) -> dict[str, Any]:
    """The ranking for sweep.json and for scripts."""
    return {
        "metric": ranking.metric,
        "mode": "max" if ranking.higher else "min",
        "points": [_record(each, ranking.metric) for each in ranking.outcomes],
        "warnings": ranking.warnings,
    }


def _record(outcome: Outcome, metric: str) -> dict[str, Any]:
    value = outcome.value(metric)
    results = outcome.results
    spread = results.deviations.means["weighted"] if results and results.deviations else {}
    return {
        "set": dict(outcome.point.values),
        "folder": str(outcome.folder),
        "value": None if math.isnan(value) else value,
        "deviation": spread.get(FEDERATED, {}).get(metric),
        "sites": {site: one.federated.get(metric) for site, one in results.sites.items()}
        if results
        else {},
        "seeds": [int(seed) for seed in results.seeds] or [results.seed] if results else [],
        "seconds": outcome.seconds,
        "error": outcome.error,
    }


def _means(results: Results, metric: str) -> list[str]:
    spread: Mapping[str, Any] = results.deviations.means if results.deviations else {}
    return [
        figure(results.means[kind].get(FEDERATED, {}), metric, spread.get(kind, {}).get(FEDERATED))
        for kind in ("weighted", "unweighted")
    ]


def _worst(results: Results, ranking: Ranking) -> str:
    told = {site: one.federated.get(ranking.metric) for site, one in results.sites.items()}
    found = {site: value for site, value in told.items() if value is not None}
    if not found:
        return "-"
    worst = min(found, key=lambda site: found[site] if ranking.higher else -found[site])
    return f"{found[worst]:.4f} ({worst})"
