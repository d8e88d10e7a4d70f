from __future__ import annotations

import errno
import json
import threading
from pathlib import Path

import pytest

from nbfed.progress import follow
from nbfed.progress.display import Event
from nbfed.progress.follower import Tail


class Recorder:
    """Remembers what it was shown, and tells when it was shown something."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []
        self.seen = threading.Event()
        self.closed = False

    def show(self, event: Event, baseline: str) -> None:
        self.shown.append((event["event"], baseline))
        self.seen.set()

    def close(self) -> None:
        self.closed = True


def append(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text)


def line(name: str) -> str:
    return json.dumps({"event": name}) + "\n"


def test_a_tail_gives_each_event_once(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    tail = Tail(file)
    assert list(tail.events()) == []
    append(file, line("a") + line("b"))
    assert [event["event"] for event in tail.events()] == ["a", "b"]
    assert list(tail.events()) == []


def test_a_tail_leaves_a_half_written_line_for_later(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    tail = Tail(file)
    append(file, line("a") + '{"event": ')
    assert [event["event"] for event in tail.events()] == ["a"]
    append(file, '"b"}\n')
    assert [event["event"] for event in tail.events()] == ["b"]


def test_events_are_shown_while_the_run_goes_on(tmp_path: Path) -> None:
    recorder = Recorder()
    with follow(tmp_path, recorder):
        append(tmp_path / "events.jsonl", line("run-started"))
        assert recorder.seen.wait(timeout=30)
        assert not recorder.closed
    assert recorder.closed


def test_the_last_events_and_the_baselines_are_shown_before_the_display_closes(
    tmp_path: Path,
) -> None:
    recorder = Recorder()
    with follow(tmp_path, recorder):
        append(tmp_path / "events.jsonl", line("run-started") + line("run-finished"))
        append(tmp_path / "baselines" / "pooled" / "events.jsonl", line("run-started"))
    assert sorted(recorder.shown) == [
        ("run-finished", ""),
        ("run-started", ""),
        ("run-started", "pooled"),
    ]
    assert recorder.closed


class Gone(Recorder):
    """A display whose reader has gone."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def show(self, event: Event, baseline: str) -> None:
        super().show(event, baseline)
        raise self._error


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(errno.EIO, "the terminal is gone")])
def test_a_reader_that_has_gone_does_not_stop_the_run(tmp_path: Path, error: OSError) -> None:
    gone = Gone(error)
    with follow(tmp_path, gone):
        append(tmp_path / "events.jsonl", line("run-started") + line("round-started"))
        assert gone.seen.wait(timeout=30)
        append(tmp_path / "events.jsonl", line("run-finished"))
    assert gone.shown == [("run-started", "")]
    assert gone.closed
