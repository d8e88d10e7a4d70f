from __future__ import annotations

import io
import json

from nbfed.progress.lines import JsonLines, PlainLines
from tests.unit import run_events


def lines(*events: run_events.Event, baseline: str = "") -> list[str]:
    stream = io.StringIO()
    display = PlainLines(stream)
    for event in events:
        display.show(event, baseline)
    return stream.getvalue().splitlines()


def test_a_whole_run_in_plain_lines() -> None:
    assert lines(*run_events.whole_run()) == [
        "heart: 2 rounds of fedavg over cleveland, va; seed 42",
        "cleveland joined",
        "va joined",
        "after 0 rounds: accuracy 0.5000, loss 0.5000",
        "round 1/2: 2 sites, 1.5 s; training: train_loss 0.5000",
        "after 1 round: accuracy 0.7500 (+0.2500), loss 0.2500 (-0.2500)",
        "round 2/2: 2 sites, 1.5 s; training: train_loss 0.2500",
        "after 2 rounds: accuracy 0.8750 (+0.1250), loss 0.1250 (-0.1250)",
        "finished after 2 rounds in 3.2 s",
    ]


def test_what_goes_wrong_in_plain_lines() -> None:
    assert lines(
        run_events.started(sites=[], rounds=1),
        {"event": "waiting", "missing": ["va"], "seconds": 10.0},
        {"event": "waiting", "missing": ["va"], "seconds": 20.0},
        {"event": "site-refused", "site": "x", "reason": "another digest"},
        {"event": "site-failed", "round": 1, "site": "va", "reason": "KeyError in train.py line 3"},
        run_events.finished(1, sites=["cleveland"], missing=["va"], train={"loss": None}),
        run_events.ended(outcome="aborted", rounds_done=1, reason="too few sites"),
    ) == [
        "heart: 1 round of fedavg over any site that joins; seed 42",
        "waiting for va",
        "x was refused: another digest",
        "round 1: va failed: KeyError in train.py line 3",
        "round 1/1: 1 site, without va, 1.5 s; training: loss nan",
        "aborted after 1 round in 3.2 s: too few sites",
    ]


def test_an_evaluation_without_figures_is_no_line() -> None:
    nothing = {"event": "evaluated", "round": 1, "sites": {}, "weighted": {}, "unweighted": {}}
    assert lines(nothing) == []


def test_the_servers_own_evaluation_is_a_line_with_its_change() -> None:
    told = [
        {"event": "server-evaluated", "round": number, "metrics": {"auc": value}}
        for number, value in enumerate((0.5, None))
    ]
    assert lines(*told) == [
        "after 0 rounds, on the server's own data: auc 0.5000",
        "after 1 round, on the server's own data: auc nan",
    ]


def test_a_baseline_is_one_line() -> None:
    assert lines(*run_events.whole_run(), baseline="local-va") == [
        "baseline, va alone: finished after 2 rounds in 3.2 s"
    ]
    assert lines(*run_events.whole_run(), baseline="pooled") == [
        "baseline, all data pooled: finished after 2 rounds in 3.2 s"
    ]


def test_json_lines_are_the_events() -> None:
    stream = io.StringIO()
    display = JsonLines(stream)
    display.show({"event": "checkpoint", "round": 1}, "")
    display.show({"event": "checkpoint", "round": 1}, "pooled")
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "checkpoint", "round": 1},
        {"event": "checkpoint", "round": 1, "baseline": "pooled"},
    ]
