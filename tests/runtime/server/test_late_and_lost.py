"""Sites that go away, come back, or reply too late."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flwr.app import Error, Message

from .conftest import SITES, Package
from .fake_grid import FakeGrid, FakeSite
from .test_rounds import Bench, start_of, weights


@pytest.fixture
def bench(server: Package, tmp_path: Any) -> Bench:
    return Bench(server, tmp_path)


def test_a_site_that_dies_in_a_round_and_comes_back_is_sent_the_round_again(bench: Bench) -> None:
    sites = bench.sites()
    grid = FakeGrid(sites)
    again = FakeSite("gamma", sites[0].digest)

    def dies(_message: Message) -> None:
        grid.gone.add(grid.node("gamma"))
        grid.sites[7] = again

    sites[2].train = dies
    # All are needed: without the site, the round could not succeed.
    outcome = bench.run(grid, start_of(), round_timeout=60, rounds=2)
    assert (outcome.outcome, weights(outcome)) == ("finished", [2.0, 2.0])
    assert [e["sites"] for e in bench.of("round-finished")] == [list(SITES)] * 2
    joined = [e["site"] for e in bench.of("site-joined")]
    assert sorted(joined[:3]) == list(SITES) and joined[3:] == ["gamma"]
    assert bench.of("site-failed") == []
    assert [m.metadata.message_type for m in again.got] == ["query", "train", "train", "evaluate"]


def test_a_site_that_is_the_same_node_again_is_sent_the_round_again(bench: Bench) -> None:
    sites = bench.sites()
    grid = FakeGrid(sites)

    def restarts(_message: Message) -> None:
        sites[2].train = None
        grid.activated[grid.node("gamma")] = "later"

    sites[2].train = restarts
    outcome = bench.run(grid, start_of(), round_timeout=60, rounds=1)
    assert outcome.outcome == "finished"
    kinds = [m.metadata.message_type for m in sites[2].got]
    assert kinds == ["query", "train", "query", "train", "evaluate"]


def test_who_does_not_come_back_is_left_out_and_holds_up_no_later_round(bench: Bench) -> None:
    sites = bench.sites()
    grid = FakeGrid(sites)

    def dies(_message: Message) -> None:
        grid.gone.add(grid.node("gamma"))

    sites[2].train = dies
    outcome = bench.run(
        grid, start_of(), min_sites=2, rounds=4, join_timeout=0.5, round_timeout=600
    )
    assert outcome.outcome == "finished"
    (lost,) = bench.of("site-lost")
    assert (lost["round"], lost["site"]) == (1, "gamma")
    (failed,) = bench.of("site-failed")
    assert failed["reason"] == "it went away and was not back within 0.5 s"
    (waiting,) = bench.of("waiting")
    assert waiting["missing"] == ["gamma"] and waiting["last_seen"]["gamma"] < 60
    rounds = bench.of("round-finished")
    assert [e["missing"] for e in rounds] == [["gamma"]] * 4
    assert [e["sites"] for e in bench.of("round-started")] == [list(SITES)] + [
        ["alpha", "beta"]
    ] * 3


@pytest.mark.parametrize(("needed", "ended"), [(2, "finished"), (3, "aborted")])
def test_who_is_revoked_in_a_round_is_not_waited_for(bench: Bench, needed: int, ended: str) -> None:
    sites = bench.sites()
    grid = FakeGrid(sites)
    owners = {grid.node(name): name for name in SITES}

    def is_revoked(_message: Message) -> None:
        del owners[grid.node("gamma")]
        grid.gone.add(grid.node("gamma"))

    sites[2].train = is_revoked
    # Neither of the times is to be waited for: the test would not end.
    outcome = bench.run(
        grid,
        start_of(),
        min_sites=needed,
        rounds=2,
        join_timeout=600,
        round_timeout=600,
        site_of=owners.get,
    )
    assert outcome.outcome == ended
    (failed,) = bench.of("site-failed")
    assert (failed["site"], failed["reason"]) == ("gamma", "it was revoked")
    finished = [event["sites"] for event in bench.of("round-finished")]
    assert finished == ([["alpha", "beta"]] * 2 if ended == "finished" else [])


@pytest.mark.parametrize("code", [102, 104, 105])
def test_who_says_that_it_ends_is_not_waited_for_until_it_joins_anew(
    bench: Bench, code: int
) -> None:
    sites = bench.sites()
    grid = FakeGrid(sites)
    again = FakeSite("gamma", sites[0].digest)

    def ends(message: Message) -> Any:
        if message.content["config"]["server-round"] == 1:
            return Error(code, "it ends")
        # The second round's message reaches it in its last moments.
        grid.gone.add(grid.node("gamma"))
        return None

    def alpha(message: Message) -> Any:
        if message.content["config"]["server-round"] == 3:
            grid.sites[7] = again
        return FakeSite("alpha", "").trained(message)

    sites[0].train, sites[2].train = alpha, ends
    # Neither of the times is to be waited for: the test would not end.
    outcome = bench.run(
        grid, start_of(), min_sites=2, rounds=5, join_timeout=600, round_timeout=600
    )
    assert outcome.outcome == "finished"
    assert [(e["round"], e["reason"]) for e in bench.of("site-failed")] == [
        (1, "it ends"),
        (2, "it has ended, as it said in its last answer"),
    ]
    assert bench.of("site-lost") == []
    rounds = [e["sites"] for e in bench.of("round-finished")]
    assert rounds[:3] == [["alpha", "beta"]] * 3 and rounds[-1] == list(SITES)


def test_below_the_number_needed_sites_are_waited_for_again(bench: Bench) -> None:
    sites = bench.sites()
    grid = FakeGrid(sites)

    def leave(message: Message) -> Any:
        grid.gone |= {grid.node("beta"), grid.node("gamma")}
        return FakeSite("alpha", "").trained(message)

    sites[0].train = leave
    outcome = bench.run(grid, start_of(), min_sites=2, rounds=2, join_timeout=0.3)
    assert (outcome.outcome, outcome.rounds_done) == ("aborted", 1)
    assert "1 of the 2 sites needed are there after 0.3 s; missing: beta, gamma" in outcome.reason


def test_a_late_reply_is_told_dropped_and_brings_the_site_back(bench: Bench) -> None:
    sites = bench.sites()
    grid = FakeGrid(sites)
    late = threading.Event()
    seen: list[int] = []

    def slow(message: Message) -> Any:
        seen.append(message.content["config"]["server-round"])
        if len(seen) > 1:
            return FakeSite("gamma", "").trained(message)
        # The site is at it until the fourth round, and answers no question meanwhile.
        grid.busy.add(grid.node("gamma"))
        grid.later(message, FakeSite("gamma", "", step=100.0).trained(message), late)
        return None

    def alpha(message: Message) -> Any:
        if message.content["config"]["server-round"] == 4:
            late.set()
            grid.busy.clear()
        return FakeSite("alpha", "").trained(message)

    sites[0].train, sites[2].train = alpha, slow
    sites[0].delay = 1.2  # so that rounds are longer than the time between two looks
    outcome = bench.run(grid, start_of(), min_sites=2, rounds=6, round_timeout=2.5)
    assert (outcome.outcome, weights(outcome)) == ("finished", [6.0, 6.0])
    (told,) = bench.of("late-reply")
    assert (told["round"], told["site"]) == (1, "gamma") and told["seconds"] > 2.5
    assert [e["reason"] for e in bench.of("site-failed")] == ["no answer within 2.5 s"]
    sent = [e["sites"] for e in bench.of("round-started")]
    assert sent[1:4] == [["alpha", "beta"]] * 3
    assert sent[5] == list(SITES) and seen[-1] == 6


def test_a_round_that_cannot_succeed_any_more_ends_at_once(bench: Bench) -> None:
    def raises(_message: Message) -> Any:
        return Error(code=101, reason="ValueError in train.py line 1")

    sites = bench.sites(beta={"train": raises}, gamma={"train": lambda _message: None})
    outcome = bench.run(FakeGrid(sites), start_of(), rounds=1, round_timeout=600)
    assert outcome.outcome == "aborted" and "round 1: 1 of 3 sites" in outcome.reason
    assert [e["reason"] for e in bench.of("site-failed")] == [
        "ValueError in train.py line 1",
        "the round was given up before",
    ]
