"""Put the figures of all models side by side: per site, and as means."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from nbfed.outcome.results import MODELS, OWN, Metrics, Results, SiteResult

_NO_EVALUATE = "the sites evaluate nothing"


class Figures:
    """Metrics by model and site, and the reasons for those that there are not."""

    def __init__(self) -> None:
        self.metrics: dict[str, dict[str, Metrics]] = defaultdict(dict)
        self.cross: dict[str, dict[str, Metrics]] = {}
        self.examples: dict[str, int] = {}
        self._reasons: dict[str, list[str]] = defaultdict(list)

    def add(self, model: str, sites: Iterable[str], found: Mapping[str, Any]) -> None:
        """Take what ``sites`` were to tell of ``model``: numbers, or nothing from some."""
        for site in sites:
            if site in found:
                self.metrics[model][site] = found[site].metrics
                self.examples[site] = found[site].examples
            else:
                self.miss(model, [site], "it could not evaluate the model")

    def add_cross(self, trained_at: str, found: Mapping[str, Any]) -> None:
        """Take what all sites have to tell of the model of one."""
        self.cross[trained_at] = {site: numbers.metrics for site, numbers in found.items()}

    def miss(self, model: str, sites: Iterable[str], reason: str) -> None:
        """Note why there are no figures of ``model``."""
        where = f"{', '.join(sites)}: " if model == OWN else ""
        self._reasons[model].append(f"{where}{reason}")

    @property
    def missing(self) -> dict[str, str]:
        """The reasons, by model."""
        return {model: "; ".join(reasons) for model, reasons in self._reasons.items()}


def compared(
    figures: Figures,
    *,
    train_examples: Mapping[str, int],
    rounds: int,
    seed: int,
    seconds: Mapping[str, float],
    evaluates: bool,
) -> Results:
    """The results of a simulation; sites in order of their names."""
    sites = {
        site: SiteResult(
            train_examples=examples,
            test_examples=figures.examples.get(site, 0),
            **{model: figures.metrics[model].get(site, {}) for model in MODELS},
        )
        for site, examples in sorted(train_examples.items())
    }
    found = [metrics for by_site in figures.metrics.values() for metrics in by_site.values()]
    return Results(
        metric_names=tuple(dict.fromkeys(name for metrics in found for name in metrics)),
        sites=sites,
        means={
            "unweighted": _means(dict.fromkeys(sites, 1), sites),
            "weighted": _means({site: one.test_examples for site, one in sites.items()}, sites),
        },
        rounds=rounds,
        seed=seed,
        seconds=seconds,
        missing=figures.missing if evaluates else dict.fromkeys(MODELS, _NO_EVALUATE),
        cross=figures.cross,
    )


def _means(
    weights: Mapping[str, int], sites: Mapping[str, SiteResult]
) -> dict[str, dict[str, float]]:
    means: dict[str, dict[str, float]] = {}
    for model in MODELS:
        sums: dict[str, float] = defaultdict(float)
        totals: dict[str, int] = defaultdict(int)
        for site, result in sites.items():
            for name, value in result.metrics(model).items():
                if value is not None and math.isfinite(value):
                    sums[name] += weights[site] * value
                    totals[name] += weights[site]
        means[model] = {name: sums[name] / total for name, total in totals.items() if total}
    return means
