from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from nbfed.errors import UsageError
from nbfed.outcome.results import Results, SiteResult
from nbfed.outcome.seeds import over_seeds
from nbfed.sweep.axes import Point
from nbfed.sweep.ranking import ONE_SEED, TEST_DATA, Outcome, as_record, ranked, ranking_table


def results(accuracy: float, loss: float, seed: int = 7) -> Results:
    metrics = {"accuracy": accuracy, "val_loss": loss}
    return Results(
        metric_names=("accuracy", "val_loss"),
        sites={
            "cleveland": SiteResult(30, 10, federated=metrics),
            "va": SiteResult(30, 10, federated={"accuracy": accuracy - 0.1, "val_loss": loss}),
        },
        means={"weighted": {"federated": metrics}, "unweighted": {"federated": metrics}},
        rounds=2,
        seed=seed,
        seconds={"federated": 2.0},
    )


def outcome(value: float, found: Results | None, error: str = "") -> Outcome:
    return Outcome(Point({"params.LR": value}), Path(f"points/{value}"), found, error)


OUTCOMES = [
    outcome(0.1, results(0.7, 0.4)),
    outcome(0.2, None, "the run ended early"),
    outcome(0.3, results(math.nan, math.nan)),
    outcome(0.4, results(0.8, 0.5)),
]


def order(metric: str, mode: str = "") -> list[float]:
    found = ranked(OUTCOMES, metric, mode).outcomes
    return [float(each.point.values["params.LR"]) for each in found]


def test_the_best_stands_first_and_what_has_no_figure_last() -> None:
    assert order("accuracy") == [0.4, 0.1, 0.2, 0.3]
    assert order("") == order("accuracy")
    assert order("accuracy", "min") == [0.1, 0.4, 0.2, 0.3]


def test_a_loss_is_better_when_it_is_less() -> None:
    assert order("val_loss") == [0.1, 0.4, 0.2, 0.3]
    assert ranked(OUTCOMES, "val_loss", "").direction == "lower is better"
    assert order("val_loss", "max") == [0.4, 0.1, 0.2, 0.3]


def test_a_metric_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="there is no metric acuracy") as caught:
        ranked(OUTCOMES, "acuracy", "")
    assert caught.value.hint == "did you mean `accuracy`?"


def test_the_table_names_the_metric_and_the_worst_site() -> None:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    with console.capture() as capture:
        console.print(ranking_table(ranked(OUTCOMES, "accuracy", "")))
    lines = capture.get().splitlines()
    assert lines[0].rstrip() == "federated model, ranked by accuracy (higher is better)"
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines[4:-1]]
    assert rows[0] == ["1", "0.4", "0.8000", "0.8000", "0.7000 (va)", "2.0"]
    assert rows[2] == ["-", "0.2", "failed", "", "", ""]


def test_the_choice_is_warned_about() -> None:
    assert ranked(OUTCOMES, "", "").warnings == [TEST_DATA, ONE_SEED]
    both = over_seeds([results(0.7, 0.4), results(0.9, 0.4, seed=8)])
    ranking = ranked([outcome(0.1, both)], "", "")
    assert ranking.warnings == [TEST_DATA]
    (point,) = as_record(ranking)["points"]
    assert (point["value"], point["seeds"]) == (pytest.approx(0.8), [7, 8])
    # 2 · 0.1² / 1 = 0.02, and its root.
    assert point["deviation"] == pytest.approx(0.1414, abs=1e-4)
