"""The best weights, and runs that stop early."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Message, MetricRecord, RecordDict

from .conftest import Package
from .fake_grid import FakeGrid, FakeSite
from .test_rounds import Bench, start_of, weights


@pytest.fixture
def bench(server: Package, tmp_path: Path) -> Bench:
    return Bench(server, tmp_path)


def scored(bench: Bench, accuracy: list[float]) -> FakeGrid:
    """Sites at which the weights after round N have the accuracy of that place in the list."""

    def of(message: Message) -> float:
        return accuracy[int(message.content["arrays"]["w"].numpy()[0])]

    def train(message: Message) -> RecordDict:
        return FakeSite("x", "", accuracy=of(message)).trained(message)

    def evaluate(message: Message) -> RecordDict:
        return RecordDict({"metrics": MetricRecord({"num-examples": 1, "accuracy": of(message)})})

    changes: dict[str, Any] = {"train": train, "evaluate": evaluate}
    return FakeGrid(bench.sites(alpha=changes, beta=changes, gamma=changes))


BEST = {"best_metric": "accuracy"}


def kept(bench: Bench) -> float:
    arrays = bench.server.exchange.load(bench.folder / "best.safetensors")
    return float(arrays["w"].numpy()[0])


def test_the_best_weights_are_kept(bench: Bench) -> None:
    outcome = bench.run(scored(bench, [0.9, 0.2, 0.7, 0.7, 0.5]), start_of(), rounds=4, **BEST)
    assert outcome.outcome == "finished" and kept(bench) == 2.0
    # The initial weights, untrained, do not count; nor do equals.
    assert [(e["round"], e["value"]) for e in bench.of("best")] == [(1, 0.2), (2, 0.7)]


def test_the_last_weights_may_be_the_best_and_less_may_be_better(bench: Bench) -> None:
    grid = scored(bench, [0.0, 0.5, float("nan"), 0.25])
    bench.run(grid, start_of(), rounds=3, **BEST, best_mode="min")
    assert [e["round"] for e in bench.of("best")] == [1, 3] and kept(bench) == 3.0


def test_patience_ends_the_run(bench: Bench) -> None:
    grid = scored(bench, [0.1, 0.5, 0.6, 0.6, 0.4, 0.9, 0.9])
    outcome = bench.run(grid, start_of(), rounds=6, **BEST, stop_patience=2)
    assert (outcome.outcome, outcome.rounds_done, outcome.good) == ("stopped early", 4, True)
    assert outcome.reason == "accuracy has not been better than 0.6 for 2 evaluations"
    assert weights(outcome) == [4.0, 4.0] and kept(bench) == 2.0
    finished = bench.of("run-finished")[0]
    assert finished["outcome"] == "stopped early" and finished["reason"] == outcome.reason
    assert finished["file"] == "model.safetensors"


@pytest.mark.parametrize("condition", ["accuracy >= 0.9", "  accuracy>0.8"])
def test_a_condition_ends_the_run_with_the_weights_that_meet_it(
    bench: Bench, condition: str
) -> None:
    outcome = bench.run(
        scored(bench, [0.95, 0.5, 0.91, 0.99, 1.0]), start_of(), rounds=4, stop_when=condition
    )
    assert (outcome.outcome, outcome.rounds_done) == ("stopped early", 2)
    assert weights(outcome) == [2.0, 2.0]
    assert outcome.reason.endswith("it is 0.91 after round 2")


def test_a_condition_that_is_met_at_the_end_is_the_usual_end(bench: Bench) -> None:
    grid = scored(bench, [0.0, 0.5, 0.95])
    assert bench.run(grid, start_of(), stop_when="accuracy >= 0.9").outcome == "finished"


def test_a_metric_that_nobody_reports_is_told_at_the_first_evaluation(bench: Bench) -> None:
    outcome = bench.run(scored(bench, [0.5] * 3), start_of(), best_metric="acuracy")
    assert (outcome.outcome, outcome.rounds_done) == ("aborted", 0)
    assert "best-metric names 'acuracy'" in outcome.reason
    assert "they report: accuracy" in outcome.reason


Parse = Callable[[str], Any]


def test_conditions(server: Package) -> None:
    parse: Parse = server.condition.Condition.parse
    assert parse("loss<1e-3").holds(0.0005) and not parse("loss<1e-3").holds(0.001)
    assert parse(" val/f1-score >= -1 ").metric == "val/f1-score"
    assert not parse("loss <= 5").holds(float("nan"))
    for text in ("", "loss", "loss = 1", "loss == 1", "loss >= ", "0 < loss < 1", "loss > inf"):
        with pytest.raises(ValueError, match="is not METRIC"):
            parse(text)
