"""Several seeds' results as one: means and deviations of every figure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from nbfed.outcome.results import MODELS, Deviations, Metrics, Results, SiteResult

Fold = Callable[[Sequence[float]], float]


def over_seeds(results: Sequence[Results]) -> Results:
    """The results of at least two runs, which differ in their seeds alone, in that order.

    A figure that not all seeds have is left out: a mean over some of them would not be
    comparable with its neighbours. Row counts are the first seed's.
    """
    first = results[0]
    means, spread = _Folded(results, statistics.fmean), _Folded(results, _deviation)
    return replace(
        first,
        metric_names=tuple(dict.fromkeys(name for one in results for name in one.metric_names)),
        sites={
            site: SiteResult(found.train_examples, found.test_examples, **means.of_site(site))
            for site, found in first.sites.items()
        },
        means={kind: means.of_mean(kind) for kind in first.means},
        rounds=max(one.rounds for one in results),
        seconds=_sums(one.seconds for one in results),
        missing=_reasons(results),
        cross=means.cross(),
        seeds={str(one.seed): one for one in results},
        deviations=Deviations(
            sites={site: spread.of_site(site) for site in first.sites},
            means={kind: spread.of_mean(kind) for kind in first.means},
            cross=spread.cross(),
        ),
    )


class _Folded:
    """Each figure of several results, folded into one number."""

    def __init__(self, results: Sequence[Results], fold: Fold) -> None:
        self._results = results
        self._fold = fold

    def of_site(self, site: str) -> dict[str, Metrics]:
        found = [one.sites.get(site, SiteResult(0, 0)) for one in self._results]
        return {model: self._metrics([one.metrics(model) for one in found]) for model in MODELS}

    def of_mean(self, kind: str) -> dict[str, Metrics]:
        found = [one.means.get(kind, {}) for one in self._results]
        return {model: self._metrics([one.get(model, {}) for one in found]) for model in MODELS}

    def cross(self) -> dict[str, dict[str, Metrics]]:
        return {
            model: {
                site: self._metrics(
                    [one.cross.get(model, {}).get(site, {}) for one in self._results]
                )
                for site in by_site
            }
            for model, by_site in self._results[0].cross.items()
        }

    def _metrics(self, found: Sequence[Metrics]) -> dict[str, float]:
        shared = [name for name in found[0] if all(name in one for one in found)]
        return {name: self._fold([_number(one[name]) for one in found]) for name in shared}


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _deviation(values: Sequence[float]) -> float:
    # statistics.stdev refuses NaN and infinity, which a diverged run reports.
    mean = statistics.fmean(values)
    squares = statistics.fmean((value - mean) ** 2 for value in values)
    return float((squares * len(values) / (len(values) - 1)) ** 0.5)


def _sums(found: Iterable[Mapping[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for one in found:
        for phase, seconds in one.items():
            sums[phase] = round(sums.get(phase, 0.0) + seconds, 3)
    return sums


def _reasons(results: Sequence[Results]) -> dict[str, str]:
    """Why figures are missing, by model; with the seeds, unless it is the same for all."""
    reasons: dict[str, str] = {}
    for model in dict.fromkeys(model for one in results for model in one.missing):
        told = {str(one.seed): one.missing[model] for one in results if model in one.missing}
        if len(told) == len(results) and len(set(told.values())) == 1:
            reasons[model] = next(iter(told.values()))
        else:
            reasons[model] = "; ".join(f"seed {seed}: {why}" for seed, why in told.items())
    return reasons
