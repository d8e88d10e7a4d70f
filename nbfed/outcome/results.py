"""The outcome of a run: every model's figures on every site's test set."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nbfed.errors import NbfedError
from nbfed.runs import RESULTS

# None stands for a number that a site could not tell (NaN).
Metrics = Mapping[str, float | None]
ByModel = Mapping[str, Metrics]

OWN, POOLED, FEDERATED = "own", "pooled", "federated"
# The order of columns, and what a person calls each model.
MODELS: Mapping[str, str] = {OWN: "own model", POOLED: "pooled", FEDERATED: "federated"}
CROSS = "cross"
DEVIATION = "sample standard deviation over seeds (n - 1)"


@dataclass(frozen=True)
class SiteResult:
    """One site's rows, and the metrics of each model on its test set."""

    train_examples: int
    test_examples: int
    own: Metrics = field(default_factory=dict)
    pooled: Metrics = field(default_factory=dict)
    federated: Metrics = field(default_factory=dict)

    def metrics(self, model: str) -> Metrics:
        """The metrics of the model with this name; empty where it was not evaluated."""
        return {OWN: self.own, POOLED: self.pooled, FEDERATED: self.federated}[model]


@dataclass(frozen=True)
class Deviations:
    """How far the figures of the seeds lie apart, in the same shape as the figures.

    Sample standard deviations: the root of the sum of squares over n - 1, for n seeds.
    ``sites`` and ``means`` hold each model's metrics by site, and by kind of mean.
    """

    sites: Mapping[str, ByModel]
    means: Mapping[str, ByModel]
    cross: Mapping[str, Mapping[str, Metrics]] = field(default_factory=dict)
    kind: str = DEVIATION


@dataclass(frozen=True)
class Results:
    """results.json of a run, or of one run for each of several seeds.

    ``means`` maps "unweighted" (each site alike) and "weighted" (by test examples) to each
    model's metrics. ``cross`` holds each site's own model (outer key) on every site's test set
    (inner key). ``missing`` says, by model (and "cross"), why there are no figures of it.
    ``seconds`` is wall time by phase.

    Where several seeds were run, ``seeds`` holds the results of each by its number, in order;
    all figures above are then means over the seeds, ``deviations`` their deviations, ``seconds``
    sums, and ``seed`` is the first seed.
    """

    metric_names: tuple[str, ...]
    sites: Mapping[str, SiteResult]
    means: Mapping[str, ByModel]
    rounds: int
    seed: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    cross: Mapping[str, Mapping[str, Metrics]] = field(default_factory=dict)
    seeds: Mapping[str, Results] = field(default_factory=dict)
    deviations: Deviations | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """The models with figures on at least one site, in the order of columns."""
        return tuple(
            model for model in MODELS if any(site.metrics(model) for site in self.sites.values())
        )

    def to_json(self) -> str:
        """The text of results.json; JSON knows no NaN, which becomes null."""
        return json.dumps(_plain(asdict(self)), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """Read results.json; raises ValueError where the text is none."""
        try:
            return cls._from_record(json.loads(text))
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a {RESULTS} of nbfed: {error}") from error

    @classmethod
    def _from_record(cls, record: dict[str, Any]) -> Results:
        sites = {name: SiteResult(**site) for name, site in record.pop("sites").items()}
        names = tuple(record.pop("metric_names"))
        seeds = {seed: cls._from_record(one) for seed, one in record.pop("seeds", {}).items()}
        spread = record.pop("deviations", None)
        return cls(
            metric_names=names,
            sites=sites,
            seeds=seeds,
            deviations=Deviations(**spread) if spread else None,
            **record,
        )

    @classmethod
    def read(cls, run: Path) -> Results:
        """The results in a run's folder; raises NbfedError where there are none."""
        file = run / RESULTS
        try:
            return cls.from_json(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            hint = "only `nbfed simulate` compares models: a federation's figures are its events"
            raise NbfedError(f"{run} has no {RESULTS}", hint=hint) from None
        except ValueError as error:
            raise NbfedError(f"{file}: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
