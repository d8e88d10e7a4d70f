"""Results of simulations, made up for tests: counts of right rows by site and model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbfed.outcome.results import MODELS, Results, SiteResult
from nbfed.outcome.seeds import over_seeds

Counts = Mapping[str, int]


def study(
    rows: Sequence[int], *, metric: str = "accuracy", seed: int = 1, **right: Sequence[int]
) -> Results:
    """Sites a, b, ... with these test rows; ``right`` has each model's right rows at each."""
    names = [chr(ord("a") + at) for at in range(len(rows))]
    sites = {
        name: SiteResult(
            3 * rows[at],
            rows[at],
            **{model: {metric: counts[at] / rows[at]} for model, counts in right.items()},
        )
        for at, name in enumerate(names)
    }
    total = sum(rows)
    means = {
        "weighted": {m: {metric: sum(right[m]) / total} if m in right else {} for m in MODELS},
        "unweighted": {
            m: {metric: sum(k / n for k, n in zip(right[m], rows, strict=True)) / len(rows)}
            if m in right
            else {}
            for m in MODELS
        },
    }
    return Results((metric,), sites, means, rounds=3, seed=seed, seconds={"federated": 1.5})


def studies(
    rows: Sequence[int], seeds: Sequence[Mapping[str, Sequence[int]]], metric: str = "accuracy"
) -> Results:
    """The same over several seeds."""
    return over_seeds(
        [study(rows, metric=metric, seed=at, **right) for at, right in enumerate(seeds, 1)]
    )
