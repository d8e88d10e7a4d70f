"""The comparison as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.heart import published, reference

# Accuracies [seeds, hospitals].
Table = np.ndarray[Any, np.dtype[np.float64]]

_NAME = 34
_FIGURE = 17


@dataclass(frozen=True)
class Models:
    """Accuracies of models that are no FedAvg, each a table."""

    own: Table
    pooled: Table
    pooled_one_scale: Table
    own_rounds: Table
    pooled_rounds: Table


def published_fedavg() -> Table:
    return np.array(list(published.FEDAVG_RIGHT.values())) / np.array(published.TEST_ROWS)


def spread(accuracies: Table) -> tuple[float, float]:
    """Mean and deviation over the seeds of the mean over hospitals, each alike."""
    means = accuracies.mean(axis=1)
    return float(means.mean()), float(means.std())


def answers_apart(one: Table, other: Table) -> int:
    """By how many right answers two tables differ, over all seeds and hospitals."""
    return int(np.abs(np.rint((one - other) * np.array(published.TEST_ROWS))).sum())


def heading() -> str:
    rows = " + ".join(map(str, published.TEST_ROWS))
    seeds = " ".join(f"seed{seed:>2}" for seed in published.SEEDS)
    return (
        f"FedAvg: accuracy, unweighted mean over four hospitals ({rows} test rows)\n"
        f"{'':<{_NAME}}{seeds}  mean ± deviation"
    )


def line(name: str, accuracies: Table) -> str:
    seeds = " ".join(f"{value:.4f}" for value in accuracies.mean(axis=1))
    return f"{name:<{_NAME}}{seeds}  {_figure(spread(accuracies))}  {_against(accuracies)}".rstrip()


def other_seeds(accuracies: Table) -> str:
    return (
        f"{f'plain loop, {len(accuracies)} other seeds':<{_NAME}}{'':<{_NAME + 2}}"
        f"{_figure(spread(accuracies))}"
    )


def agreement(difference: float) -> str:
    return (
        "largest difference of an accuracy between nbfed and the plain loop with its order, in any "
        f"of\n{reference.ROUNDS} rounds, at any hospital, with any seed: {difference:.1e}"
    )


def other_models(models: Models) -> Iterator[str]:
    yield "Other models, mean ± deviation over the seeds"
    yield _row("", "published", "plain loop", "nbfed simulate")
    yield _row("own site, 50 epochs of Adam", published.OWN_SITE, spread(models.own), "")
    yield _row("pooled, 50 epochs of Adam", published.POOLED, spread(models.pooled), "")
    yield _row("  tested with the scale it learnt", "", spread(models.pooled_one_scale), "")
    yield _row("own site, as many SGD steps", "", "", spread(models.own_rounds))
    yield _row("pooled, as many SGD steps", "", "", spread(models.pooled_rounds))


def as_record(tables: Mapping[str, Table], difference: float) -> dict[str, Any]:
    """For results.json: every table of FedAvg as [seeds][hospitals]."""
    return {
        "seeds": published.SEEDS,
        "test_rows": dict(zip(published.HOSPITALS, published.TEST_ROWS, strict=True)),
        "accuracies": {name: table.tolist() for name, table in tables.items()},
        "mean_deviation": {name: spread(table) for name, table in tables.items()},
        "largest_difference_to_loop": difference,
    }


def _against(accuracies: Table) -> str:
    theirs = published_fedavg()
    if np.array_equal(accuracies, theirs):
        return ""
    total = len(published.SEEDS) * sum(published.TEST_ROWS)
    return f"{answers_apart(accuracies, theirs)} of {total} answers differ"


def _row(name: str, *cells: tuple[float, float] | str) -> str:
    texts = (cell if isinstance(cell, str) else _figure(cell) for cell in cells)
    return f"{name:<{_NAME}}{''.join(f'{text:<{_FIGURE}}' for text in texts)}".rstrip()


def _figure(mean_and_deviation: tuple[float, float]) -> str:
    return "{:.4f} ± {:.4f}".format(*mean_and_deviation)
