from __future__ import annotations

from nbfed.report.record import ALL_SITES, SERVER, record
from tests.unit import run_events


def test_a_whole_run() -> None:
    made = record(run_events.whole_run())
    assert list(made.rounds) == [1, 2]
    assert made.series["accuracy"][ALL_SITES] == {0: 0.5, 1: 0.75, 2: 0.875}
    assert made.series["loss"]["va"] == {0: 0.5, 1: 0.25, 2: 0.125}
    site = made.sites["cleveland"]
    assert (site.states, site.rounds) == ({1: "took part", 2: "took part"}, 2)
    assert (site.train_rows, site.test_rows) == (76, 76)
    assert (site.sent, site.received) == (2000, 3000)
    assert (site.train_seconds, site.evaluate_seconds) == (0.5, 0.25)
    assert made.tested == {0: 126, 1: 126, 2: 126}
    assert made.phases == {
        "training, the slowest site of each round": 0.5,
        "evaluation before training, the slowest site of each round": 0.25,
        "averaging, and sites that take turns on this machine": 2.25,
    }


def test_who_took_part_when() -> None:
    def begun(number: int, *sites: str) -> run_events.Event:
        return {"event": "round-started", "round": number, "sites": list(sites)}

    failure = {"event": "site-failed", "round": 1, "site": "va", "reason": "ValueError in x.py"}
    made = record(
        [
            run_events.started(sites=["cleveland", "va", "hun"]),
            begun(1, "cleveland", "va", "hun"),
            failure,
            run_events.finished(1, sites=["cleveland"], missing=["hun", "va"]),
            begun(2, "cleveland", "va"),
            run_events.finished(2, sites=["cleveland", "va"], missing=["hun"]),
            begun(3, "hun"),
            run_events.finished(3, sites=["hun"]),
            begun(4, "cleveland"),
        ]
    )
    assert made.sites["cleveland"].states == {
        1: "took part", 2: "took part", 3: "not chosen", 4: "under way",
    }  # fmt: skip
    assert made.sites["va"].states == {1: "failed", 2: "took part", 3: "not chosen"}
    assert made.sites["hun"].states == {1: "no answer", 2: "away", 3: "took part"}
    assert made.sites["va"].failures == {1: "ValueError in x.py"}


def test_who_did_not_answer_before_the_end_did_not_answer() -> None:
    begun = {"event": "round-started", "round": 1, "sites": ["va"]}
    made = record([run_events.started(), begun, run_events.ended(outcome="aborted")])
    assert made.sites["va"].states == {1: "no answer"}


def test_a_round_made_again_counts_once() -> None:
    once = [*run_events.trained(1), run_events.finished(1)]
    resumed = run_events.started(event="run-resumed", rounds_done=0)
    made = record([run_events.started(), *once, resumed, *once, run_events.ended()])
    assert made.resumed == 1
    assert made.round_seconds == {1: 1.5}
    assert made.sites["va"].sent == 1000


def test_the_wait_for_sites_is_its_own_phase() -> None:
    start = run_events.started()
    begun = {
        "time": "2026-01-02T03:04:15.500+00:00",
        "event": "round-started",
        "round": 1,
        "sites": ["va"],
    }
    assert record([start, begun]).phases == {"waiting for sites": 10.5}


def test_without_evaluation_the_series_are_the_trainings() -> None:
    made = record([run_events.started(), *run_events.trained(1), run_events.finished(1)])
    assert made.trained
    assert made.series["train_loss"] == {
        "cleveland": {1: 0.5}, "va": {1: 0.5}, ALL_SITES: {1: 0.5},
    }  # fmt: skip


def test_the_servers_own_evaluation_is_a_series_too() -> None:
    told = {"event": "server-evaluated", "round": 1, "metrics": {"auc": None}, "seconds": 0.1}
    again = told | {"round": 2, "metrics": {"auc": 0.75}}
    made = record([run_events.started(), told, again])
    assert list(made.series["auc"]) == [SERVER]
    assert made.series["auc"][SERVER][2] == 0.75


def test_nothing_at_all() -> None:
    made = record([])
    assert (made.sites, made.series, made.last) == ({}, {}, 0)
