from __future__ import annotations

import pytest

from nbfed.progress.view import RunView
from tests.unit import run_events


def view_of(events: list[run_events.Event]) -> RunView:
    view = RunView()
    for event in events:
        view.apply(event)
    return view


def test_a_whole_run() -> None:
    view = view_of(run_events.whole_run())
    assert (view.name, view.rounds, view.done, view.outcome) == ("heart", 2, 2, "finished")
    assert view.metrics == {"accuracy": 0.875, "loss": 0.125}
    assert view.before == {"accuracy": 0.75, "loss": 0.25}
    assert view.bytes_moved == 2 * 2 * 2500
    assert view.seconds_left == 0
    site = view.sites["va"]
    assert (site.state, site.examples, site.train_seconds) == ("done", 50, 0.25)
    assert site.metrics["accuracy"] == 0.875
    assert site.before["accuracy"] == 0.75


def test_before_the_first_evaluation_the_figures_are_the_trainings() -> None:
    view = view_of([run_events.started(), *run_events.trained(1), run_events.finished(1)])
    assert not view.evaluates
    assert view.metrics == {"train_loss": 0.5}
    assert view.seconds_left == 1.5


def test_the_first_evaluation_is_not_compared_with_the_training() -> None:
    view = view_of([*run_events.trained(1), run_events.evaluated(0)])
    assert view.before == {}
    assert view.sites["va"].before == {}


@pytest.mark.parametrize(
    ("event", "state"),
    [
        ({"event": "site-joined", "site": "va"}, "ready"),
        (
            {"event": "site-refused", "site": "va", "reason": "other digest"},
            "refused: other digest",
        ),
        (
            {"event": "site-failed", "site": "va", "round": 1, "reason": "ValueError"},
            "failed: ValueError",
        ),
        ({"event": "round-started", "round": 1, "sites": ["va"]}, "training"),
    ],
)
def test_a_sites_state(event: run_events.Event, state: str) -> None:
    assert view_of([run_events.started(), event]).sites["va"].state == state


def test_waiting_is_noted_until_the_round_starts() -> None:
    waiting = {"event": "waiting", "missing": ["va"], "seconds": 10.0}
    view = view_of([run_events.started(), waiting])
    assert view.note == "waiting for va"
    view.apply({"event": "round-started", "round": 1, "sites": ["va"]})
    assert view.note == ""


def test_events_of_a_later_version_change_nothing() -> None:
    view = view_of([run_events.started(), {"event": "not-known-yet"}])
    assert view == view_of([run_events.started()])


@pytest.mark.parametrize(
    ("missing", "last_seen", "note"),
    [
        (["hungarian"], {"hungarian": 240.0}, "waiting for hungarian, last seen 4 min ago"),
        (
            ["hungarian"],
            {"hungarian": 45.4},
            "waiting for hungarian, last seen less than a minute ago",
        ),
        (["hungarian", "va"], {"va": 130.0}, "waiting for hungarian; va, last seen 2 min ago"),
    ],
)
def test_who_is_missing_and_since_when(
    missing: list[str], last_seen: dict[str, float], note: str
) -> None:
    waiting = {"event": "waiting", "missing": missing, "seconds": 9.0, "last_seen": last_seen}
    assert view_of([run_events.started(), waiting]).note == note


def test_the_servers_own_figures_stand_beside_the_sites() -> None:
    told = [
        {"event": "server-evaluated", "round": number, "metrics": {"accuracy": value}}
        for number, value in enumerate((0.5, 0.75))
    ]
    view = view_of([*run_events.whole_run(), *told])
    assert (view.server_metrics, view.server_before) == ({"accuracy": 0.75}, {"accuracy": 0.5})
    assert view.metrics == {"accuracy": 0.875, "loss": 0.125}
