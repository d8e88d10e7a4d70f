from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from nbfed.watch.feed import Feed
from tests.unit import run_events


def write(run: Path, events: Iterable[run_events.Event]) -> None:
    run.mkdir(parents=True, exist_ok=True)
    with (run / "events.jsonl").open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(event) + "\n" for event in events)


def test_parts_change_as_the_run_goes_on(tmp_path: Path) -> None:
    write(tmp_path, [run_events.started()])
    feed = Feed(tmp_path)
    before = feed.parts
    assert not feed.refresh()
    write(tmp_path, run_events.trained(1))
    assert feed.refresh()
    changed = {name for name, html in feed.parts.items() if before[name] != html}
    assert changed == {"now", "sites"}
    assert feed.version == 2
    write(tmp_path, [run_events.evaluated(0), run_events.finished(1), run_events.ended()])
    assert feed.refresh()
    assert feed.ended == "finished"
    assert "<svg" in feed.parts["curves"]
    assert "The run has ended." in feed.parts["head"]


def test_a_baseline_is_told_apart(tmp_path: Path) -> None:
    write(tmp_path, run_events.whole_run())
    write(tmp_path / "baselines" / "local-va", [run_events.started(), run_events.finished(1)])
    feed = Feed(tmp_path)
    assert "0 of 1 done; va alone, 1 of 2 rounds" in feed.parts["now"]
    assert feed.ended == "finished"


def test_of_several_seeds_the_newest_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "seeds" / "1", [run_events.started(seed=1), run_events.ended()])
    feed = Feed(tmp_path)
    assert "seed 1" in feed.parts["head"]
    write(tmp_path / "seeds" / "2", [run_events.started(seed=2)])
    assert feed.refresh()
    assert "seed 2" in feed.parts["head"]
    assert feed.ended == ""


def test_text_from_a_site_is_escaped(tmp_path: Path) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    failed = {"event": "site-failed", "round": 1, "site": nasty, "reason": nasty}
    write(tmp_path, [run_events.started(name=nasty, sites=[nasty]), failed])
    feed = Feed(tmp_path)
    assert not [name for name, html in feed.parts.items() if "<img" in html]
    assert "<img" not in feed.page()
