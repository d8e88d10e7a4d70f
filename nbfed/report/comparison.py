"""Two models side by side: the difference of a metric, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nbfed.outcome.results import MODELS, Metrics, Results
from nbfed.report.intervals import LEVEL, Interval, newcombe, scaled, student, wilson
from nbfed.report.measures import Measure, measure

Figure = tuple[float, int]


@dataclass(frozen=True)
class Difference:
    """How much more a metric is with one model than with another, on the same test rows."""

    value: float
    rows: int
    interval: Interval | None


class Comparison:
    """One metric of all models of a simulation, and the intervals that its runs allow.

    A share of test rows has an interval over rows; several seeds give one over seeds. Where a
    difference has both, its interval goes from the lower to the upper end of the two, so that
    it excludes zero only if both do.
    """

    def __init__(self, results: Results, metric: str) -> None:
        self.results = results
        self.metric = metric
        self._runs: Sequence[Results] = tuple(results.seeds.values()) or (results,)
        self.measure: Measure = measure(
            metric,
            (
                figure
                for run in self._runs
                for model in MODELS
                for _, figure in _figures(run, model, metric, run.sites)
            ),
        )

    @property
    def seeds(self) -> int:
        """How many seeds the figures are means of."""
        return len(self._runs)

    @property
    def has_intervals(self) -> bool:
        """Whether differences have intervals at all."""
        return self.measure.is_share or self.seeds > 1

    def sites_with(self, *models: str) -> list[str]:
        """The sites where all of these models have a figure."""
        sites = self.results.sites
        return [site for site in sites if all(self._has(site, model) for model in models)]

    def _has(self, site: str, model: str) -> bool:
        value = self.results.sites[site].metrics(model).get(self.metric)
        return value is not None and math.isfinite(value)

    def figure(self, model: str, sites: Iterable[str]) -> Figure | None:
        """The metric of a model over all test rows of ``sites``, and the rows; or None."""
        return _over_rows(_figures(self.results, model, self.metric, sites))

    def elsewhere(self, owner: str) -> Figure | None:
        """The metric of one site's own model over the test rows of all sites, if measured."""
        return _over_rows(_crossed(self.results, owner, self.metric))

    def interval(self, value: float, rows: int) -> Interval | None:
        """The interval of a figure over test rows; None where the metric is no share of them."""
        scale = self.measure.scale
        if not scale or not rows or not math.isfinite(value):
            return None
        return scaled(wilson(value / scale, rows), scale)

    def difference(
        self, model: str, other: str, sites: Sequence[str], level: float = LEVEL
    ) -> Difference | None:
        """``model`` minus ``other`` over the test rows of ``sites``, which both have figures of."""
        pairs = [
            (_over_rows(_figures(run, model, self.metric, sites)),
             _over_rows(_figures(run, other, self.metric, sites)))
            for run in self._runs
        ]  # fmt: skip
        return self._difference(pairs, level)

    def beyond(self, model: str, owner: str, level: float = LEVEL) -> Difference | None:
        """``model`` minus one site's own model, over the test rows of all sites."""
        pairs = [
            (
                _over_rows(_figures(run, model, self.metric, run.sites)),
                _over_rows(_crossed(run, owner, self.metric)),
            )
            for run in self._runs
        ]
        return self._difference(pairs, level)

    def _difference(
        self, pairs: Sequence[tuple[Figure | None, Figure | None]], level: float
    ) -> Difference | None:
        known = [(one, two) for one, two in pairs if one and two and one[1] == two[1]]
        if len(known) < len(pairs):
            return None
        first, second = (
            sum(figures[which][0] for figures in known) / len(known) for which in (0, 1)
        )
        rows = known[0][0][1]
        found = [student([one[0] - two[0] for one, two in known], level)]
        if scale := self.measure.scale:
            found.append(scaled(newcombe(first / scale, rows, second / scale, rows, level), scale))
        intervals = [each for each in found if each]
        hull = Interval(
            min((each.low for each in intervals), default=math.nan),
            max((each.high for each in intervals), default=math.nan),
        )
        return Difference(first - second, rows, hull if intervals else None)


def headline_metric(results: Results) -> str:
    """The metric to speak of first: a share of rows if there is one, else the first of all."""
    for metric in results.metric_names:
        if Comparison(results, metric).measure.is_share:
            return metric
    return results.metric_names[0]


def _figures(
    results: Results, model: str, metric: str, sites: Iterable[str]
) -> list[tuple[str, Figure]]:
    found = ((site, results.sites[site]) for site in sites)
    return [
        (name, (_or_nan(site.metrics(model)[metric]), site.test_examples))
        for name, site in found
        if metric in site.metrics(model)
    ]


def _crossed(results: Results, owner: str, metric: str) -> list[tuple[str, Figure]]:
    tried: Mapping[str, Metrics] = results.cross.get(owner, {})
    if tried.keys() != results.sites.keys() or any(metric not in each for each in tried.values()):
        return []
    return [
        (site, (_or_nan(metrics[metric]), results.sites[site].test_examples))
        for site, metrics in tried.items()
    ]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _over_rows(figures: Sequence[tuple[str, Figure]]) -> Figure | None:
    rows = sum(count for _, (_, count) in figures)
    total = sum(value * count for _, (value, count) in figures)
    return (total / rows, rows) if rows and math.isfinite(total) else None
