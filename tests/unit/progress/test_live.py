from __future__ import annotations

import io

from rich.console import Console

from nbfed.progress.live import LiveDisplay, render
from nbfed.progress.view import RunView
from tests.unit import run_events


def picture(view: RunView, baselines: dict[str, RunView] | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=100, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(render(view, baselines or {}))
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
    assert rounds.endswith(" 3 s, 10.0 kB moved")
    assert columns.split() == ["site", "state", "rows", "train", "s", "accuracy", "change"]
    assert first.split() == ["cleveland", "done", "76", "0.25", "0.8750", "+0.1250"]
    assert second.split() == ["va", "done", "50", "0.25", "0.8750", "+0.1250"]
    assert summary == ("all sites, weighted: accuracy 0.8750 (+0.1250), loss 0.1250 (-0.1250)")


def test_the_picture_before_anything_is_known() -> None:
    assert picture(RunView())[0] == "starting"


def test_the_time_left_is_told_while_it_runs() -> None:
    view = view_of([run_events.started(), *run_events.trained(1), run_events.finished(1)])
    assert "about 2 s left" in picture(view)[1]


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
