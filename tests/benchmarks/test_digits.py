"""The digits workload: data, the loop's likeness to the notebook, what is read of a run."""

from __future__ import annotations

import ast
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml

from benchmarks.digits import loop
from benchmarks.digits.__main__ import drift, medians, row
from benchmarks.digits.engines import Measurement
from benchmarks.digits.make_data import HOME, split
from benchmarks.events import figures, outcome, read_events
from benchmarks.processes import Failed, children

DIGITS = Path(__file__).parents[2] / "benchmarks" / "digits"


def test_split_gives_every_image_to_one_site_and_every_digit_to_all() -> None:
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(10), 50))
    parts = split(labels)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(500))
    for site, rows in parts.items():
        counts = np.bincount(labels[rows], minlength=10)
        assert {digit for digit in range(10) if counts[digit] > 25} == set(HOME[site])
        assert counts.min() > 0


def test_split_is_the_same_every_time() -> None:
    labels = np.repeat(np.arange(10), 20)
    first, second = split(labels), split(labels)
    assert all(np.array_equal(first[site], second[site]) for site in HOME)


def test_loop_has_the_sites_and_numbers_of_the_notebook() -> None:
    notebook = nbformat.read(DIGITS / "digits.ipynb", as_version=4)
    cells = {
        cell.metadata["tags"][0]: cell.source for cell in notebook.cells if "tags" in cell.metadata
    }
    assigned = {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(cells["nbfed:params"]).body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    assert assigned | {"DATA_FILE": ""} == {
        "SEED": loop.SPLIT_SEED,
        "BATCH_SIZE": loop.BATCH_SIZE,
        "EPOCHS": loop.EPOCHS,
        "LR": loop.LR,
        "MOMENTUM": loop.MOMENTUM,
        "DATA_FILE": "",
    }
    names: dict[str, object] = {"nn": loop.nn}
    exec(cells["nbfed:model"], names)
    assert str(names["model"]) == str(loop.make_model())
    federation = yaml.safe_load((DIGITS / "federation.yaml").read_text())
    assert sorted(federation["sites"]) == list(loop.SITES) == sorted(HOME)


def events(run: Path, ending: str) -> None:
    lines = [
        {"time": "2026-01-01T10:00:00.000+00:00", "event": "run-started"},
        {"time": "2026-01-01T10:00:05.000+00:00", "event": "round-started", "round": 1},
        evaluated("2026-01-01T10:00:06.000+00:00", 0, 0.1),
        {"time": "2026-01-01T10:00:07.000+00:00", "event": "round-started", "round": 2},
        evaluated("2026-01-01T10:00:08.000+00:00", 1, 0.5),
        evaluated("2026-01-01T10:00:09.500+00:00", 2, 0.7),
        {"time": "2026-01-01T10:01:00.000+00:00", "event": "run-finished", "outcome": ending}
        | {"reason": "too few sites"},
    ]
    (run / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def evaluated(when: str, number: int, accuracy: float) -> dict[str, object]:
    return {"time": when, "event": "evaluated", "round": number, "weighted": {"accuracy": accuracy}}


def test_figures_are_from_the_first_round_to_the_last_evaluation(tmp_path: Path) -> None:
    events(tmp_path, "finished")
    found = figures(tmp_path)
    assert found.seconds == pytest.approx(4.5)
    assert found.accuracies == {0: 0.1, 1: 0.5, 2: 0.7}


def test_figures_of_a_run_that_broke_off_are_refused(tmp_path: Path) -> None:
    events(tmp_path, "aborted")
    with pytest.raises(ValueError, match="did not finish: too few sites"):
        figures(tmp_path)


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    assert read_events(tmp_path) == []
    (tmp_path / "events.jsonl").write_text('{"event": "run-started"}\n{"event": "run-fini')
    assert [event["event"] for event in read_events(tmp_path)] == ["run-started"]
    assert outcome(read_events(tmp_path)) is None


def test_processes_end_with_the_context_and_take_their_children_along(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with children(tmp_path / "group", {}) as group:
        started = group.start("parent", [sys.executable, "-c", parent])
        while not (printed := started.log.read_text().strip()):
            group.check()
    # The system takes a moment to end what was killed.
    deadline = time.monotonic() + 30
    while alive(int(printed)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(int(printed))


def alive(process: int) -> bool:
    """A process that has ended, but that nobody has waited for, counts as ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_bad_end_is_told_with_the_last_lines(tmp_path: Path) -> None:
    code = "print('no such file'); raise SystemExit(3)"
    with children(tmp_path / "group", {}) as group:
        child = group.start("loop", [sys.executable, "-c", code])
        with pytest.raises(Failed, match=r"loop ended with exit code 3(.|\n)*no such file"):
            child.wait(60)


def test_medians_are_runs_of_each_engine() -> None:
    seconds = (("loop", 10.0), ("simulate", 13.0), ("loop", 8.0), ("loop", 9.0), ("simulate", 9.0))
    runs = [Measurement(engine, taken, 2 * taken, {0: 0.1, 1: 0.5}) for engine, taken in seconds]
    assert medians(runs) == [runs[3], runs[1]]
    assert drift(runs) == pytest.approx(0.25)


def test_a_row_says_how_far_accuracies_are_apart() -> None:
    loop_run = Measurement("loop", 10.0, 12.0, {0: 0.1, 1: 0.5, 2: 0.9})
    other = Measurement("simulate", 12.0, 20.0, {0: 0.1, 1: 0.5, 2: 0.899})
    assert row(other, loop_run).split() == [
        *("simulate", "12.0", "1.20", "20.0", ".5000", ".8990"),
        *("differ", "by", "0.0010"),
    ]
    assert row(loop_run, loop_run).endswith("same")
    # An engine may leave the first model's evaluation out.
    fewer = replace(loop_run, accuracies={1: 0.5, 2: 0.9})
    assert row(fewer, loop_run).split()[-3:] == [".5000", ".9000", "same"]
