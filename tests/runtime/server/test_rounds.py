from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Error, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAvg

from .conftest import SITES, Package
from .fake_grid import FakeGrid, FakeSite, shifted


class Bench:
    """Runs federations of fake sites and reads what they wrote."""

    def __init__(self, server: Package, folder: Path) -> None:
        self.server = server
        self.folder = folder / "run"

    def sites(self, **changes: dict[str, Any]) -> list[FakeSite]:
        digest = self.server.settings.CLIENT_DIGEST
        return [FakeSite(name, digest, **changes.get(name, {})) for name in SITES]

    def settings(self, **changes: Any) -> Any:
        config = {key.replace("_", "-"): value for key, value in changes.items()}
        config = {"run-dir": str(self.folder), "poll-seconds": 0.005, **config}
        return self.server.settings.Settings.from_run_config(config)

    def run(self, grid: FakeGrid, initial: ArrayRecord | None = None, **changes: Any) -> Any:
        strategy, site_of = changes.pop("make", None), changes.pop("site_of", None)
        return self.server.rounds.run_federation(
            grid, self.settings(**changes), initial=initial, strategy=strategy, site_of=site_of
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = (self.folder / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]


@pytest.fixture
def bench(server: Package, tmp_path: Path) -> Bench:
    return Bench(server, tmp_path)


def start_of(value: float = 0.0) -> ArrayRecord:
    return ArrayRecord(
        {
            "w": Array(np.full((2,), value, np.float32)),
            "count": Array(np.array(0, np.int64)),
        }
    )


def weights(outcome: Any) -> list[float]:
    return outcome.arrays["w"].numpy().tolist()


def test_a_terminal_that_is_gone_does_not_stop_the_run(bench: Bench) -> None:
    def gone(_event: dict[str, Any]) -> None:
        raise OSError(5, "Input/output error")

    settings = bench.settings(rounds=2)
    grid = FakeGrid(bench.sites())
    outcome = bench.server.rounds.run_federation(grid, settings, initial=start_of(), listener=gone)
    assert (outcome.outcome, outcome.rounds_done) == ("finished", 2)
    assert bench.events[-1]["event"] == "run-finished"


def test_two_rounds_average_by_examples(bench: Bench) -> None:
    sites = bench.sites(alpha={"examples": 10, "step": 1.0}, beta={"examples": 30, "step": 3.0})
    outcome = bench.run(FakeGrid(sites[:2]), start_of(), sites='["alpha", "beta"]')
    assert (outcome.outcome, outcome.rounds_done, outcome.reason) == ("finished", 2, "")
    assert weights(outcome) == [5.0, 5.0]
    # 2.5 batches on average: an integer again, rounded to even in each round (2, then 2 + 2.5).
    assert outcome.arrays["count"].dtype == "int64"
    assert outcome.arrays["count"].numpy() in (4, 5)


def test_the_events_tell_the_whole_run_in_order(bench: Bench) -> None:
    bench.run(FakeGrid(bench.sites()), start_of())
    names = [event["event"] for event in bench.events]
    one_round = ["round-started", *["site-replied"] * 3, "evaluated", "round-finished"]
    assert names == [
        "run-started",
        *["site-joined"] * 3,
        *[*one_round, "checkpoint"] * 2,
        "evaluated",
        "run-finished",
    ]
    started = bench.events[0]
    assert started["sites"] == list(SITES) and started["rounds"] == 2 and started["seed"] == 7
    assert started["digest"] == bench.server.settings.CLIENT_DIGEST
    assert [event["round"] for event in bench.of("evaluated")] == [0, 1, 2]
    finished = bench.of("run-finished")[0]
    assert finished["outcome"] == "finished" and finished["file"] == "model.safetensors"
    replied = bench.of("site-replied")[0]
    assert replied["train"] == {"loss": 0.25} and replied["examples"] == 10
    assert replied["train_seconds"] == 0.5 and replied["bytes_in"] > 0 < replied["bytes_out"]


def test_metrics_are_averaged_with_and_without_weights(bench: Bench) -> None:
    sites = bench.sites(
        alpha={"accuracy": 1.0, "examples": 10},
        beta={"accuracy": 0.0, "examples": 30},
        gamma={"accuracy": 0.5, "examples": 40},
    )
    bench.run(FakeGrid(sites), start_of(), rounds=1)
    last = bench.of("evaluated")[-1]
    assert last["sites"]["beta"] == {"examples": 30, "metrics": {"accuracy": 0.0}}
    assert last["weighted"] == {"accuracy": 30 / 80}
    assert last["unweighted"] == {"accuracy": 0.5}


def test_one_trip_a_round_and_an_evaluate_only_trip_at_the_end(bench: Bench) -> None:
    site = bench.sites()[0]
    bench.run(FakeGrid([site]), start_of(), sites='["alpha"]', rounds=3, evaluate_every=2)
    kinds = [message.metadata.message_type for message in site.got]
    assert kinds == ["query", "train", "train", "train", "evaluate"]
    asked = [bool(m.content["config"]["evaluate"]) for m in site.got[1:]]
    assert asked == [True, False, True, True]
    assert [event["round"] for event in bench.of("evaluated")] == [0, 2, 3]
    config = dict(site.got[1].content["config"])
    assert config["server-round"] == 1 and config["final-round"] == 3 and config["seed"] == 7
    assert json.loads(config["params"]) == {}
    assert [bool(m.content["config"]["final"]) for m in site.got[1:]] == [False] * 3 + [True]


def test_a_grid_that_knows_when_a_reply_comes_ends_the_loops_pauses(bench: Bench) -> None:
    pauses = []

    class KnowingGrid(FakeGrid):
        def pause(self, seconds: float) -> None:
            pauses.append(seconds)
            time.sleep(0.001)

    sites = bench.sites(alpha={"delay": 0.05}, beta={"delay": 0.05}, gamma={"delay": 0.05})
    outcome = bench.run(KnowingGrid(sites), rounds=2, poll_seconds=600)
    assert outcome.outcome == "finished"
    assert set(pauses) == {600}


def test_evaluate_every_zero_evaluates_the_final_weights_alone(bench: Bench) -> None:
    bench.run(FakeGrid(bench.sites()), start_of(), evaluate_every=0)
    assert [event["round"] for event in bench.of("evaluated")] == [2]


def test_initial_weights_come_from_the_seed_alone(bench: Bench) -> None:
    make = bench.server.initial.initial_arrays
    same = [make(bench.settings(seed=3)) for _ in range(2)]
    other = make(bench.settings(seed=4))
    assert all(np.array_equal(same[0][n].numpy(), same[1][n].numpy()) for n in same[0])
    assert not np.array_equal(same[0]["0.weight"].numpy(), other["0.weight"].numpy())
    wide = make(bench.settings(params='{"HIDDEN": 9}'))
    assert tuple(wide["0.weight"].shape) == (9, 2)


def test_the_model_of_the_notebook_is_trained_when_none_is_given(bench: Bench) -> None:
    outcome = bench.run(FakeGrid(bench.sites()), rounds=1)
    initial = bench.server.initial.initial_arrays(bench.settings())
    for name, array in outcome.arrays.items():
        expected = shifted(ArrayRecord({name: initial[name]}), 1.0)[name].numpy()
        assert np.allclose(array.numpy(), expected), name


def fails(_message: Message) -> Error:
    return Error(code=2, reason="ValueError in train.py line 41 (heart.ipynb cell 7 line 12)\nmore")


def replies_with(change: Callable[[RecordDict], None]) -> Callable[..., Any]:
    def train(message: Message) -> RecordDict:
        content = FakeSite("x", "").trained(message)
        change(content)
        return content

    return train


def put(name: str, value: np.ndarray) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        content["arrays"][name] = Array(value)

    return change


BAD = {
    "raises": (fails, "ValueError in train.py line 41 (heart.ipynb cell 7 line 12)"),
    "NaN": (replies_with(put("w", np.array([1, np.nan], np.float32))), "not finite: 'w'"),
    "shape": (replies_with(put("w", np.zeros(3, np.float32))), "shape (3,), not (2,)"),
    "dtype": (replies_with(put("w", np.zeros(2))), "float64, not float32"),
    "unknown entry": (replies_with(put("x", np.zeros(2))), "unknown 'x'"),
    "missing entry": (replies_with(lambda c: c["arrays"].pop("count")), "without 'count'"),
    "no weights": (replies_with(lambda c: c.pop("arrays")), "no weights"),
    "no metrics": (replies_with(lambda c: c.pop("metrics")), "num-examples"),
    "no examples": (
        replies_with(lambda c: c["metrics"].update({"num-examples": 0})),
        "no examples",
    ),
    "half an example": (
        replies_with(lambda c: c["metrics"].update({"num-examples": 0.5})),
        "no count",
    ),
    "a list": (
        replies_with(lambda c: c["metrics"].update({"loss": [1.0, 2.0]})),
        "'loss' is a list",
    ),
    "never": (lambda _message: None, "no answer within 0.2 s"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_reply_is_left_out_and_named(bench: Bench, kind: str) -> None:
    train, reason = BAD[kind]
    grid = FakeGrid(bench.sites(beta={"train": train, "step": 100.0}))
    outcome = bench.run(grid, start_of(), min_sites=2, rounds=1, round_timeout=0.2)
    assert outcome.outcome == "finished" and weights(outcome) == [1.0, 1.0]
    (failed,) = bench.of("site-failed")
    assert failed["site"] == "beta" and failed["round"] == 1 and reason in failed["reason"]
    assert "\n" not in failed["reason"]
    (finished,) = bench.of("round-finished")
    assert finished["sites"] == ["alpha", "gamma"] and finished["missing"] == ["beta"]


def test_too_few_good_replies_abort_with_the_reason_and_keep_what_was_done(bench: Bench) -> None:
    def once(message: Message) -> Any:
        if message.content["config"]["server-round"] == 2:
            return fails(message)
        return FakeSite("beta", "").trained(message)

    grid = FakeGrid(bench.sites(beta={"train": once}))
    outcome = bench.run(grid, start_of(), rounds=3)
    assert outcome.outcome == "aborted" and outcome.rounds_done == 1
    assert "round 2: 2 of 3 sites" in outcome.reason and "without: beta" in outcome.reason
    finished = bench.of("run-finished")[0]
    assert finished["file"] == "model.safetensors" and finished["rounds_done"] == 1
    saved = bench.server.exchange.load(bench.folder / "model.safetensors")
    assert saved["w"].numpy().tolist() == [1.0, 1.0]


def test_late_sites_are_waited_for_and_named(bench: Bench) -> None:
    grid = FakeGrid(bench.sites(gamma={"online_from": 20}))
    assert bench.run(grid, start_of(), rounds=1).outcome == "finished"
    assert bench.of("waiting")[0]["missing"] == ["gamma"]
    assert bench.of("round-finished")[0]["sites"] == list(SITES)


def test_sites_that_never_come_abort_the_run_unless_enough_are_there(bench: Bench) -> None:
    never = {"gamma": {"online_from": 10**9}}
    outcome = bench.run(FakeGrid(bench.sites(**never)), start_of(), join_timeout=0.1)
    assert outcome.outcome == "aborted" and "missing: gamma" in outcome.reason
    assert "2 of the 3 sites needed" in outcome.reason and outcome.rounds_done == 0
    assert bench.of("run-finished")[0]["file"] == ""
    bench.folder = bench.folder.with_name("second")
    outcome = bench.run(
        FakeGrid(bench.sites(**never)), start_of(), join_timeout=0.1, min_sites=2, rounds=1
    )
    assert outcome.outcome == "finished"


def test_any_sites_will_do_when_none_are_expected(bench: Bench) -> None:
    outcome = bench.run(FakeGrid(bench.sites()), start_of(), sites="[]", min_sites=3, rounds=1)
    assert outcome.outcome == "finished"
    assert bench.of("round-finished")[0]["sites"] == list(SITES)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"digest": "another"}, "another client package"),
        ({"name": "delta"}, "no site of this name"),
        ({"flwr": "1.0.0"}, "version"),
    ],
)
def test_a_stranger_is_refused(bench: Bench, change: dict[str, Any], reason: str) -> None:
    digest = bench.server.settings.CLIENT_DIGEST
    stranger = FakeSite(**{"name": "gamma", "digest": digest, **change})
    grid = FakeGrid([*bench.sites()[:2], stranger])
    outcome = bench.run(grid, start_of(), min_sites=2, join_timeout=0.1, rounds=1)
    assert outcome.outcome == "finished"
    assert reason in bench.of("site-refused")[0]["reason"]
    assert bench.of("round-finished")[0]["sites"] == ["alpha", "beta"]


@pytest.mark.parametrize("owner", ["beta", None])
def test_a_site_is_who_its_key_says_and_not_who_it_says(bench: Bench, owner: str | None) -> None:
    grid = FakeGrid(bench.sites())
    owners = {grid.node(name): name for name in SITES}
    owners[grid.node("gamma")] = owner
    outcome = bench.run(
        grid, start_of(), min_sites=2, join_timeout=0.1, rounds=1, site_of=owners.get
    )
    assert outcome.outcome == "finished"
    assert bench.of("site-refused") == [
        {
            **bench.of("site-refused")[0],
            "site": "gamma",
            "reason": "the key that it has is not that of gamma",
        }
    ]
    assert bench.of("round-finished")[0]["sites"] == ["alpha", "beta"]
    # Not a letter with weights in it went there.
    assert {m.metadata.message_type for m in grid.sites[grid.node("gamma")].got} == {"query"}


def test_a_site_that_comes_back_as_another_node_takes_part_again(bench: Bench) -> None:
    sites = bench.sites()
    grid = FakeGrid(sites)
    again = FakeSite("gamma", sites[0].digest)

    def dies(message: Message) -> None:
        grid.gone.add(grid.node("gamma"))
        grid.sites[7] = again

    sites[2].train = dies
    outcome = bench.run(grid, start_of(), min_sites=2, round_timeout=0.1, rounds=2)
    assert outcome.outcome == "finished"
    first, second = bench.of("round-finished")
    assert first["missing"] == ["gamma"] and second["sites"] == list(SITES)
    assert len(again.got) >= 2


def test_sums_do_not_depend_on_the_order_of_replies(bench: Bench) -> None:
    results = []
    steps = {"alpha": 0.1, "beta": 1e7, "gamma": -1e7}
    for turn, slow in enumerate(SITES):
        changes = {n: {"step": s, "delay": 0.05 * (n == slow)} for n, s in steps.items()}
        sites = bench.sites(**changes)
        bench.folder = bench.folder.with_name(f"run-{turn}")
        outcome = bench.run(FakeGrid(sites if turn else sites[::-1]), start_of(), rounds=1)
        results.append(outcome.arrays["w"].data)
    assert results[0] == results[1] == results[2]


def test_sampling_depends_on_the_seed_and_not_on_node_numbers(bench: Bench) -> None:
    import random

    def chosen(seed: int, first_node: int, run: str) -> list[list[str]]:
        bench.folder = bench.folder.with_name(run)
        bench.run(
            FakeGrid(bench.sites(), first_node),
            start_of(),
            seed=seed,
            rounds=6,
            strategy_options='{"fraction_train": 0.34}',
        )
        return [event["sites"] for event in bench.of("round-started")]

    random.seed(5)
    before = random.getstate()
    one, same, other = chosen(1, 100, "a"), chosen(1, 5000, "b"), chosen(2, 100, "c")
    assert one == same != other
    assert all(len(sites) == 1 for sites in one)
    assert random.getstate() == before


def test_a_strategy_that_wants_more_sites_than_there_are_does_not_wait(bench: Bench) -> None:
    strategy = FedAvg(min_available_nodes=50, min_train_nodes=50)
    outcome = bench.run(FakeGrid(bench.sites()), start_of(), make=strategy, rounds=1)
    assert outcome.outcome == "finished"
    assert strategy.min_available_nodes == 50


def test_a_strategy_that_waits_by_itself_is_stopped(bench: Bench) -> None:
    class Waits(FedAvg):
        def configure_train(self, *args: Any, **kwargs: Any) -> Any:
            grid = args[-1]
            while len(list(grid.get_node_ids())) < 10:
                pass

    outcome = bench.run(FakeGrid(bench.sites()), start_of(), make=Waits(), rounds=1)
    assert outcome.outcome == "aborted" and "more sites than the 3" in outcome.reason


def test_an_interrupt_is_told_and_goes_on(bench: Bench) -> None:
    def interrupted(message: Message) -> None:
        if message.content["config"]["server-round"] == 2:
            raise KeyboardInterrupt
        return FakeSite("alpha", "").trained(message)

    grid = FakeGrid(bench.sites(alpha={"train": interrupted}))
    with pytest.raises(KeyboardInterrupt):
        bench.run(grid, start_of())
    finished = bench.of("run-finished")[0]
    assert finished["outcome"] == "stopped" and finished["rounds_done"] == 1
    assert (bench.folder / "model.safetensors").exists()


def test_a_lost_superlink_aborts(bench: Bench) -> None:
    def lost(_message: Message) -> None:
        raise ConnectionError("the SuperLink does not answer any more")

    outcome = bench.run(FakeGrid(bench.sites(alpha={"train": lost})), start_of())
    assert outcome.outcome == "aborted" and "SuperLink does not answer" in outcome.reason


def test_the_last_checkpoints_are_kept(bench: Bench) -> None:
    bench.run(FakeGrid(bench.sites()), start_of(), rounds=5, keep_checkpoints=2)
    kept = sorted(path.name for path in (bench.folder / "checkpoints").iterdir())
    assert kept == ["round-004.safetensors", "round-005.safetensors"]
    loaded = bench.server.exchange.load(bench.folder / "checkpoints" / kept[0])
    assert loaded["w"].numpy().tolist() == [4.0, 4.0]


def test_a_full_disk_ends_the_run_and_keeps_the_old_checkpoint(bench: Bench, monkeypatch) -> None:
    whole = bench.server.exchange.save

    def full_in_round_two(path: Path, arrays: ArrayRecord) -> None:
        if path.name != "round-001.safetensors":
            raise OSError(28, "No space left on device")
        whole(path, arrays)

    monkeypatch.setattr(bench.server.exchange, "save", full_in_round_two)
    outcome = bench.run(FakeGrid(bench.sites()), start_of())
    assert outcome.outcome == "aborted" and "No space left" in outcome.reason
    kept = [path.name for path in (bench.folder / "checkpoints").iterdir()]
    assert kept == ["round-001.safetensors"]


def test_a_folder_that_holds_a_run_is_refused(bench: Bench) -> None:
    bench.run(FakeGrid(bench.sites()), start_of(), rounds=1)
    before = bench.events
    with pytest.raises(bench.server.settings.SettingsError, match="holds a run already"):
        bench.run(FakeGrid(bench.sites()), start_of(), rounds=1)
    assert bench.events == before


def test_a_metric_that_a_site_cannot_tell_is_null_and_in_no_mean(bench: Bench) -> None:
    nan, other = {"accuracy": float("nan")}, {"accuracy": 0.75}
    asked = {"rounds": 1, "best_metric": "accuracy"}
    bench.run(FakeGrid(bench.sites(alpha=nan, beta=other, gamma=other)), start_of(), **asked)
    last = bench.of("evaluated")[-1]
    assert last["sites"]["alpha"]["metrics"]["accuracy"] is None
    assert last["weighted"] == last["unweighted"] == {"accuracy": 0.75}
    assert [e["value"] for e in bench.of("best")] == [0.75]
    assert "NaN" not in (bench.folder / "events.jsonl").read_text()


def test_a_metric_that_no_site_can_tell_is_null_and_never_the_best(bench: Bench) -> None:
    nan = {"accuracy": float("nan")}
    asked = {"rounds": 1, "best_metric": "accuracy", "stop_when": "accuracy > 0.1"}
    outcome = bench.run(FakeGrid(bench.sites(alpha=nan, beta=nan, gamma=nan)), start_of(), **asked)
    assert outcome.outcome == "finished" and bench.of("best") == []
    last = bench.of("evaluated")[-1]
    assert last["weighted"] == last["unweighted"] == {"accuracy": None}


def test_a_loss_that_is_not_a_number_weighs_nothing(bench: Bench) -> None:
    diverged = replies_with(lambda c: c["metrics"].update(MetricRecord({"loss": float("nan")})))
    options = '{"client_learning_rate": 0.1, "train_loss_key": "loss"}'
    outcome = bench.run(
        FakeGrid(bench.sites(beta={"train": diverged})),
        start_of(),
        rounds=1,
        min_sites=2,
        strategy="qfedavg",
        strategy_options=options,
    )
    assert outcome.outcome == "finished", outcome.reason
    (failed,) = bench.of("site-failed")
    assert failed["site"] == "beta"
    assert failed["reason"] == "its 'loss', by which the strategy weighs it, is not a number"


def test_evaluate_only_asks_every_site_outside_of_a_run(bench: Bench) -> None:
    numbers = bench.server.evaluation.evaluate_only(
        FakeGrid(bench.sites(beta={"accuracy": 0.75})), bench.settings(), start_of(), server_round=2
    )
    assert list(numbers) == list(SITES)
    assert numbers["beta"].metrics == {"accuracy": 0.75} and numbers["beta"].examples == 10
    assert not bench.folder.exists()


def test_metrics_that_only_some_sites_have_do_not_stop_the_average(bench: Bench) -> None:
    more = replies_with(lambda c: c["metrics"].update(MetricRecord({"extra": 1.0})))
    outcome = bench.run(FakeGrid(bench.sites(beta={"train": more})), start_of(), rounds=1)
    assert outcome.outcome == "finished"
    assert bench.of("round-finished")[0]["train"] == {"loss": 0.25, "extra": 1.0}
