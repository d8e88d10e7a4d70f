from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from nbfed.progress.live import LiveDisplay, render
from nbfed.progress.view import RunView
from tests.unit import run_events


def picture(
    view: RunView,
    baselines: dict[str, RunView] | None = None,
    *,
    second: int = 0,
    most: int = 10,
) -> list[str]:
    """The lines shown so many seconds after 03:04:05, when the made-up run starts."""
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(seconds=second)
    console = Console(file=io.StringIO(), width=110, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(render(view, baselines or {}, now=now, most=most))
    return [line.rstrip() for line in capture.get().splitlines()]


def view_of(events: list[run_events.Event]) -> RunView:
    view = RunView()
    for event in events:
        view.apply(event)
    return view


def test_the_picture_after_a_whole_run() -> None:
    heading, rounds, columns, first, second, summary = picture(view_of(run_events.whole_run()))
    assert heading == "heart  fedavg, seed 42"
    assert rounds.startswith("round 2/2 ")
    assert rounds.endswith(" 3.2 s, 10.0 kB moved")
    words = ["site", "state", "last", "seen", "rows", "train", "s", "accuracy", "change"]
    assert columns.split() == words
    assert first.split() == ["cleveland", "done", "76", "0.25", "0.8750", "+0.1250"]
    assert second.split() == ["va", "done", "50", "0.25", "0.8750", "+0.1250"]
    assert summary == ("all sites, weighted: accuracy 0.8750 (+0.1250), loss 0.1250 (-0.1250)")


def test_the_picture_before_anything_is_known() -> None:
    assert picture(RunView())[0] == "starting"


def test_the_time_left_and_who_was_seen_when_are_told_while_it_runs() -> None:
    view = view_of([run_events.started(), *run_events.trained(1), run_events.finished(1)])
    shown = picture(view, second=47)
    assert shown[1].endswith(" 47 s, about 1.5 s left, 5.0 kB moved")
    # The site's reply of round 1 came at 03:04:01.5.
    assert shown[3].split()[:5] == ["cleveland", "done", "50", "s", "ago"]


def test_a_wait_is_told_with_its_sites_and_no_time_left() -> None:
    waiting = {"event": "waiting", "missing": ["va"], "seconds": 20.0, "last_seen": {"va": 150.0}}
    shown = picture(view_of([*run_events.whole_run()[:-2], waiting]))
    assert shown[-1] == "waiting for va, last seen 2 min ago"
    assert "left" not in shown[1]


def test_many_sites_fit_the_terminal_those_in_trouble_first() -> None:
    names = [f"h{number:02d}" for number in range(30)]
    view = view_of(
        [
            run_events.started(sites=names),
            {"event": "round-started", "round": 1, "sites": names[:-1]},
            {"event": "site-failed", "round": 1, "site": "h17", "reason": "KeyError"},
        ]
    )
    shown = picture(view, most=3)
    assert [line.split()[0] for line in shown[3:]] == ["h00", "h17", "h29", "and"]
    assert shown[-1].split() == ["and", "27", "more", "27", "training"]


def test_a_run_that_breaks_off_says_why() -> None:
    end = run_events.ended(outcome="aborted", reason="round 1: too few sites")
    assert picture(view_of([run_events.started(), end]))[-1] == "aborted: round 1: too few sites"


def test_baselines_are_counted() -> None:
    half = view_of([run_events.started(), run_events.finished(1)])
    whole = view_of(run_events.whole_run())
    shown = picture(whole, {"local-va": whole, "pooled": half})
    assert shown[-1] == "baselines: 1 done, all data pooled 1/2"


def test_the_live_display_leaves_its_last_picture() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True, color_system=None)
    display = LiveDisplay(console)
    for event in run_events.whole_run():
        display.show(event, "")
    display.close()
    assert "accuracy 0.8750 (+0.1250)" in stream.getvalue()
