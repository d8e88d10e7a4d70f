"""The server evaluates the weights by itself, on data of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbfed.program import Argument, Fragment, Origin, Parameter, ServerEvaluation, SiteKey, Stage
from nbfed.roles import Role

from .conftest import Package, federation, imported, program
from .fake_grid import FakeGrid
from .test_rounds import Bench

LOAD = """\
with open(PUBLIC) as stream:
    scores = stream.read().split()
with open(PUBLIC, "a") as stream:
    stream.write(" loaded")"""
# The weights after round N are those from before plus N.
EVALUATE = """\
number = round(model[0].bias[0].item() - START)
accuracy = float(scores[number])"""


def own_program(**changes: Any) -> Any:
    data = Stage(
        Role.DATA,
        "load_data",
        arguments=(Argument("PUBLIC", Origin.SITE, "str"),),
        body=(Fragment(6, 1, LOAD),),
        results=("scores",),
    )
    evaluate = Stage(
        Role.EVALUATE,
        "evaluate",
        arguments=(
            Argument("model", Origin.MODEL),
            Argument("scores", Origin.DATA),
            Argument("START", Origin.PARAMS, "float"),
        ),
        body=(Fragment(7, 1, EVALUATE),),
        results=("accuracy",),
    )
    server = ServerEvaluation(data, evaluate, (SiteKey("PUBLIC", "str", 2, 3),))
    whole = program(**changes)
    params = (*whole.params, Parameter("START", "float", "0.0", 2, 4))
    return program(**{"server": server, "params": params, **changes})


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Package]:
    """A server whose sites evaluate nothing."""
    source = own_program(evaluate=None)
    yield from imported(tmp_path_factory.mktemp("alone"), "alone", source, federation())


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Package]:
    """A server whose sites evaluate too."""
    yield from imported(tmp_path_factory.mktemp("both"), "both", own_program(), federation())


class Own(Bench):
    def __init__(self, server: Package, folder: Path, scores: str) -> None:
        super().__init__(server, folder)
        self.public = folder / "public.txt"
        self.public.write_text(scores)
        arrays = server.initial.initial_arrays(self.settings())
        self.start = float(arrays["0.bias"].numpy()[0])

    def settings(self, **changes: Any) -> Any:
        given = {"server_params": '{"PUBLIC": "public.txt"}', "data_dir": str(self.folder.parent)}
        if hasattr(self, "start"):
            given["params"] = f'{{"START": {self.start}}}'
        return super().settings(**{**given, **changes})

    def run(self, grid: FakeGrid, initial: Any = None, **changes: Any) -> Any:
        return self.server.server_app.run(grid, self.settings(**changes))


def test_the_weights_of_every_round_are_evaluated_with_data_that_are_loaded_once(
    alone: Package, tmp_path: Path
) -> None:
    own = Own(alone, tmp_path, "0.5 0.7 nan")
    outcome = own.run(FakeGrid(own.sites()), best_metric="accuracy")
    assert outcome.outcome == "finished", outcome.reason
    told = own.of("server-evaluated")
    assert [(e["round"], e["metrics"]["accuracy"]) for e in told] == [(0, 0.5), (1, 0.7), (2, None)]
    # The initial weights are no best ones, and NaN is better than nothing.
    assert [(e["round"], e["value"]) for e in own.of("best")] == [(1, 0.7)]
    assert own.public.read_text().count("loaded") == 1
    assert own.of("evaluated") == []
    # The first evaluation shows what is wrong with it before any site has worked.
    assert [e["event"] for e in own.events[:2]] == ["run-started", "server-evaluated"]


def test_its_metrics_stop_a_run_and_are_remembered_by_one_that_goes_on(
    alone: Package, tmp_path: Path
) -> None:
    own = Own(alone, tmp_path, "0.9 0.5 0.4 0.6 0.6")
    asked = {"best_metric": "accuracy", "best_mode": "min", "stop_patience": 2}
    assert own.run(FakeGrid(own.sites()), rounds=3, **asked).outcome == "finished"
    settings = alone.resume.resumed_settings(own.folder, {"rounds": 9})
    outcome = alone.server_app.run(FakeGrid(own.sites()), settings)
    assert (outcome.outcome, outcome.rounds_done) == ("stopped early", 4)
    assert outcome.reason == "accuracy has not been better than 0.4 for 2 evaluations"
    assert [e["round"] for e in own.of("server-evaluated")] == [0, 1, 2, 3, 3, 4]


def test_where_the_sites_evaluate_too_their_metrics_count(both: Package, tmp_path: Path) -> None:
    own = Own(both, tmp_path, "0.9 0.1 0.1 0.1")
    sites = own.sites(alpha={"accuracy": 0.8}, beta={"accuracy": 0.8}, gamma={"accuracy": 0.8})
    outcome = own.run(FakeGrid(sites), rounds=3, evaluate_every=2, stop_when="accuracy > 0.95")
    assert outcome.outcome == "finished"
    assert [e["round"] for e in own.of("evaluated")] == [0, 2, 3]
    assert [e["round"] for e in own.of("server-evaluated")] == [0, 2, 3]


def test_an_evaluation_that_fails_ends_the_run_before_it_has_begun(
    alone: Package, tmp_path: Path
) -> None:
    own = Own(alone, tmp_path, "many")
    outcome = own.run(FakeGrid(own.sites()))
    assert (outcome.outcome, outcome.rounds_done) == ("aborted", 0)
    assert outcome.reason == (
        "the server's own evaluation failed: ValueError: could not convert string to float: 'many'"
    )
    assert own.of("site-joined") == []


def test_one_that_fails_later_leaves_what_was_trained(alone: Package, tmp_path: Path) -> None:
    own = Own(alone, tmp_path, "0.5 0.6")
    outcome = own.run(FakeGrid(own.sites()), rounds=5)
    assert (outcome.outcome, outcome.rounds_done) == ("aborted", 2)
    assert weights_of_bias(outcome) == pytest.approx(own.start + 2)
    assert (own.folder / "model.safetensors").is_file()


def weights_of_bias(outcome: Any) -> float:
    return float(outcome.arrays["0.bias"].numpy()[0])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"server_params": "{}"}, "`server: params:` does not set PUBLIC"),
        ({"server_params": '{"PUBLIC": 3}'}, "sets PUBLIC to 3, which is not of type str"),
        ({"strategy": "fedbn"}, "fedbn keeps normalisation layers at the sites"),
        ({"evaluate_every": 0, "best_metric": "accuracy"}, "evaluate-every is 0"),
    ],
)
def test_what_it_lacks_is_told_before_the_run(
    alone: Package, tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    own = Own(alone, tmp_path, "0.5")
    with pytest.raises(alone.settings.SettingsError, match=text):
        own.run(FakeGrid(own.sites()), **changes)
    assert not own.folder.exists()
