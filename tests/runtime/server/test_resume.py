"""A run that broke off goes on, and comes to what it would have come to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import ArrayRecord, Message
from flwr.serverapp.strategy import FedAvg
from safetensors.numpy import load_file, save_file

from .conftest import SITES, Package
from .fake_grid import FakeGrid, FakeSite
from .test_rounds import Bench, start_of

STRATEGIES: dict[str, dict[str, Any]] = {
    "fedavg": {"strategy_options": '{"fraction_train": 0.67}'},
    "fedavgm": {"strategy_options": '{"server_momentum": 0.9, "server_learning_rate": 0.5}'},
    "fedadam": {"strategy_options": '{"beta_1": 0.9, "beta_2": 0.99}'},
    "fedadagrad": {},
    "qfedavg": {"strategy_options": '{"client_learning_rate": 0.1, "train_loss_key": "loss"}'},
}


@pytest.fixture
def bench(server: Package, tmp_path: Path) -> Bench:
    return Bench(server, tmp_path)


class PowerCut(BaseException):
    """Ends a run as SIGKILL would: nothing is written any more."""


def sites(bench: Bench, *, cut_in: int = 0) -> FakeGrid:
    """Sites that train towards different targets; in round ``cut_in`` the power fails."""

    def trains(target: float) -> Any:
        def train(message: Message) -> Any:
            if message.content["config"]["server-round"] == cut_in:
                raise PowerCut
            weight = float(message.content["arrays"]["w"].numpy()[0])
            site = FakeSite("x", "", step=0.3 * (target - weight), accuracy=weight)
            return site.trained(message)

        return train

    targets = dict(zip(SITES, (1.0, -2.0, 4.0), strict=True))
    return FakeGrid(bench.sites(**{name: {"train": trains(t)} for name, t in targets.items()}))


def cut_off(bench: Bench, grid: FakeGrid, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bench.server.run_folder.RunFolder, "finish", lambda *_a, **_k: None)
        with pytest.raises(PowerCut):
            bench.run(grid, start_of(), **changes)


def same(one: ArrayRecord, other: ArrayRecord) -> bool:
    return all(np.array_equal(one[name].numpy(), other[name].numpy()) for name in one)


def resumed(bench: Bench, grid: FakeGrid, **given: Any) -> Any:
    config = {key.replace("_", "-"): value for key, value in given.items()}
    settings = bench.server.resume.resumed_settings(bench.folder, config)
    return bench.server.rounds.run_federation(grid, settings, initial=start_of())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_resumed_run_equals_one_that_was_not_interrupted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    options = {"strategy": strategy, "rounds": 6, "min_sites": 1, **STRATEGIES[strategy]}
    cut_off(bench, sites(bench, cut_in=4), monkeypatch, **options)
    assert bench.events[-1]["event"] != "run-finished"
    with (bench.folder / "events.jsonl").open("a") as file:
        file.write('{"time": "2026-')  # torn
    outcome = resumed(bench, sites(bench))
    assert (outcome.outcome, outcome.rounds_done) == ("finished", 6)
    broken = bench.events
    (again,) = bench.of("run-resumed")
    assert again["rounds_done"] == 3 and again["file"] == "checkpoints/round-003.safetensors"
    assert (again["strategy_restarts"], again["unchecked"]) == ([], False)
    bench.folder = bench.folder.with_name("whole")
    whole = bench.run(sites(bench), start_of(), **options)
    assert same(outcome.arrays, whole.arrays)
    assert not same(outcome.arrays, start_of())
    # Event by event, but for what is timed.
    told = ("evaluated", "best", "round-started")
    last = {(e["event"], e["round"]): e for e in broken if e["event"] in told}
    for event in (e for e in bench.events if e["event"] in told):
        ours = {**last[event["event"], event["round"]], "time": ""}
        assert ours == {**event, "time": ""}


def test_a_run_that_did_not_get_through_a_round_starts_from_the_beginning(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(bench, sites(bench, cut_in=1), monkeypatch, rounds=2)
    outcome = resumed(bench, sites(bench))
    assert (outcome.outcome, outcome.rounds_done) == ("finished", 2)
    assert bench.of("run-resumed")[0]["file"] == ""


def cut_short(whole: bytes) -> bytes:
    return whole[:50]


def one_bit_flipped(whole: bytes) -> bytes:
    """The last bytes are those of values."""
    return whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:]


@pytest.mark.parametrize("damage", [cut_short, one_bit_flipped])
@pytest.mark.parametrize("part", ["", ".state"])
def test_a_damaged_checkpoint_is_passed_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes], part: str
) -> None:
    cut_off(bench, sites(bench, cut_in=4), monkeypatch, rounds=4, strategy="fedavgm")
    newest = bench.folder / f"checkpoints/round-003{part}.safetensors"
    newest.write_bytes(damage(newest.read_bytes()))
    outcome = resumed(bench, sites(bench))
    (told,) = bench.of("run-resumed")
    assert (told["rounds_done"], told["damaged"]) == (2, ["checkpoints/round-003.safetensors"])
    line = bench.server.console.describe(told)
    assert "damaged, and passed over: checkpoints/round-003.safetensors" in line
    assert (outcome.outcome, outcome.rounds_done) == ("finished", 4)
    bench.folder = bench.folder.with_name("whole")
    whole = bench.run(sites(bench), start_of(), rounds=4, strategy="fedavgm")
    assert same(outcome.arrays, whole.arrays)


def test_a_checkpoint_without_a_checksum_is_taken_and_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(bench, sites(bench, cut_in=4), monkeypatch, rounds=4)
    newest = bench.folder / "checkpoints/round-003.safetensors"
    save_file(load_file(newest), newest)
    outcome = resumed(bench, sites(bench))
    (told,) = bench.of("run-resumed")
    assert (told["rounds_done"], told["unchecked"]) == (3, True)
    assert "round-003.safetensors (without a checksum: not checked for damage)" in (
        bench.server.console.describe(told)
    )
    assert outcome.outcome == "finished"


def test_damaged_events_are_told_with_their_line(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(bench, sites(bench, cut_in=2), monkeypatch, rounds=2)
    events = bench.folder / "events.jsonl"
    first, second, *others = events.read_text().splitlines(keepends=True)
    events.write_text("".join([first, second[:20] + "\n", *others]))
    with pytest.raises(bench.server.settings.SettingsError, match=r"line 2 of .* is damaged"):
        resumed(bench, sites(bench))


def test_the_best_and_the_patience_are_remembered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"rounds": 9, "best_metric": "accuracy", "best_mode": "min", "stop_patience": 4}
    cut_off(bench, sites(bench, cut_in=4), monkeypatch, **options)
    outcome = resumed(bench, sites(bench))
    assert (outcome.outcome, outcome.rounds_done) == ("stopped early", 5)
    assert "stopped early" in json.dumps(bench.events[-1])
    with pytest.raises(bench.server.settings.SettingsError, match="has stopped early: accuracy"):
        resumed(bench, sites(bench))


def test_a_finished_run_goes_on_only_for_more_rounds(bench: Bench) -> None:
    bench.run(sites(bench), start_of(), rounds=2)
    with pytest.raises(bench.server.settings.SettingsError, match="has finished its 2 rounds"):
        resumed(bench, sites(bench))
    outcome = resumed(bench, sites(bench), rounds=4)
    assert (outcome.outcome, outcome.rounds_done) == ("finished", 4)
    bench.folder = bench.folder.with_name("whole")
    assert same(outcome.arrays, bench.run(sites(bench), start_of(), rounds=4).arrays)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"seed": 8}, "seed is 8, but the run was started with 7: a resumed run keeps it"),
        ({"strategy": "fedadam"}, "strategy is fedadam, but the run was started with fedavg"),
        ({"params": '{"HIDDEN": 9}'}, "params is"),
    ],
)
def test_a_resumed_run_stays_the_same_run(bench: Bench, given: dict[str, Any], text: str) -> None:
    bench.run(sites(bench), start_of(), rounds=1)
    with pytest.raises(bench.server.settings.SettingsError) as caught:
        resumed(bench, sites(bench), rounds=2, **given)
    assert text in str(caught.value)


def test_what_is_no_run_cannot_go_on(bench: Bench) -> None:
    error = bench.server.settings.SettingsError
    with pytest.raises(error, match="holds no run to go on with"):
        resumed(bench, sites(bench))
    bench.run(sites(bench), start_of(), rounds=1)
    build = bench.folder / "build.json"
    build.write_text(build.read_text().replace(bench.server.settings.CLIENT_DIGEST, "other"))
    with pytest.raises(error, match="is a run of another build"):
        resumed(bench, sites(bench), rounds=2)
    build.write_text("{}")
    with pytest.raises(error, match="is not one that this server wrote"):
        resumed(bench, sites(bench), rounds=2)


def test_two_servers_do_not_write_one_run(bench: Bench) -> None:
    folder = bench.server.run_folder.RunFolder(bench.settings())
    settings = bench.server.resume.resumed_settings(bench.folder, {})
    with pytest.raises(bench.server.settings.SettingsError, match="of a server that is at it"):
        bench.server.run_folder.RunFolder(settings)
    folder.finish(None, outcome="stopped")
    bench.server.run_folder.RunFolder(settings).finish(None, outcome="stopped")


def test_a_strategy_of_ones_own_is_kept_as_far_as_it_can_be(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Own(FedAvg):
        def __init__(self) -> None:
            super().__init__(min_train_nodes=1, min_evaluate_nodes=1, min_available_nodes=1)
            self.seen: dict[str, list[np.ndarray]] = {}
            self.count = 0
            self.generator = np.random.default_rng(3)

        def aggregate_train(self, server_round: int, replies: Any) -> Any:
            self.count += 1
            self.seen.setdefault("rounds", []).append(np.array([server_round]))
            return super().aggregate_train(server_round, replies)

    cut_off(bench, sites(bench, cut_in=3), monkeypatch, rounds=4, make=Own())
    settings, strategy = bench.server.resume.resumed_settings(bench.folder, {}), Own()
    outcome = bench.server.rounds.run_federation(
        sites(bench), settings, initial=start_of(), strategy=strategy
    )
    assert outcome.outcome == "finished" and strategy.count == 4
    assert [int(n[0]) for n in strategy.seen["rounds"]] == [1, 2, 3, 4]
    assert bench.of("run-resumed")[0]["strategy_restarts"] == ["generator"]
