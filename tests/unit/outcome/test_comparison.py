from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nbfed.cli.app import app
from nbfed.outcome.comparison import read_columns, warnings
from nbfed.outcome.summary import Rows, Summary
from tests.unit import run_events
from tests.unit.run_events import Event


def write_run(folder: Path, events: list[Event] | None = None, **config: Any) -> Path:
    folder.mkdir(parents=True)
    lines = [json.dumps(event) for event in events or run_events.whole_run()]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    options = json.dumps(config.get("options", {}))
    build = {"exchange": ["all"], "run_config": {"strategy-options": options}}
    (folder / "build.json").write_text(json.dumps(build))
    return folder


def with_start(**fields: Any) -> list[Event]:
    return [run_events.started(**fields), *run_events.whole_run()[1:]]


def with_accuracy(value: float | None) -> list[Event]:
    events = run_events.whole_run()
    for place in (events[-2]["sites"]["va"]["metrics"], events[-2]["weighted"]):
        place["accuracy"] = value
    return events


def test_a_run_in_few_numbers(tmp_path: Path) -> None:
    run = Summary.read(write_run(tmp_path / "a", options={"proximal_mu": 0.1}))
    assert (run.strategy, run.strategy_options) == ("fedavg", {"proximal_mu": 0.1})
    assert (run.rounds, run.rounds_done, run.outcome, run.seconds) == (2, 2, "finished", 3.25)
    assert run.rows == {"cleveland": Rows(76, 76), "va": Rows(50, 50)}
    assert run.sites["va"] == {"accuracy": 0.875, "loss": 0.125}
    assert run.weighted["accuracy"] == 0.875
    assert run.bytes == 4 * 2500
    assert run.phase == "evaluate"


def test_without_evaluation_the_figures_are_the_training_s(tmp_path: Path) -> None:
    events = [event for event in run_events.whole_run() if event["event"] != "evaluated"]
    run = Summary.read(write_run(tmp_path / "a", events))
    assert (run.phase, run.sites["va"], run.unweighted) == ("train", {"train_loss": 0.25}, {})


def test_runs_that_may_be_compared_have_no_warning(tmp_path: Path) -> None:
    one, other = write_run(tmp_path / "a"), write_run(tmp_path / "b", with_start(seed=7))
    assert warnings(read_columns([one, other])) == []


def test_what_makes_runs_incomparable_is_said(tmp_path: Path) -> None:
    one = write_run(tmp_path / "a")
    events = with_start(digest="89ab", name="lung")[:-1]
    for event in events:
        if event.get("site") == "va":
            event["examples"] = 40
    found = warnings(read_columns([one, write_run(tmp_path / "b", events)]))
    assert [sentence.split(":")[0] for sentence in found] == [
        "they are runs of different federations",
        "the sites ran different programs (see digest)",
        "va has other data",
        "not all rounds were run",
    ]
    assert "50 rows to train and 50 to test" in found[2]
    assert found[3].endswith("b (not ended)")


def test_the_command_prints_a_column_for_each(tmp_path: Path) -> None:
    write_run(tmp_path / "s/seeds/7", with_accuracy(0.5))
    write_run(tmp_path / "s/seeds/8", with_accuracy(0.7))
    one = write_run(tmp_path / "a")
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "s"), str(one)])
    assert done.exit_code == 0
    assert "sample standard deviation over seeds (n - 1)" in " ".join(done.stdout.split())
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines()]
    # (0.1² + 0.1²) / 1 = 0.02, and its root.
    assert ["accuracy, va", "0.6000 ± 0.1414", "0.8750"] in rows
    assert ["accuracy, mean by test rows", "0.6000 ± 0.1414", "0.8750"] in rows
    assert ["bytes moved", "20.0 kB", "10.0 kB"] in rows


def test_what_the_server_evaluated_is_shown_too(tmp_path: Path) -> None:
    told = {"event": "server-evaluated", "round": 2, "metrics": {"auc": 0.75}, "seconds": 0.1}
    runs = [
        write_run(tmp_path / name, [*run_events.whole_run()[:-1], told, run_events.ended()])
        for name in ("a", "b")
    ]
    done = CliRunner().invoke(app, ["compare", *map(str, runs)])
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines()]
    assert ["auc, the server's data", "0.7500", "0.7500"] in rows


def test_the_best_weights_have_figures_of_their_own(tmp_path: Path) -> None:
    best = {"event": "best", "round": 1, "metric": "accuracy", "value": 0.75}
    run = write_run(tmp_path / "a", [*run_events.whole_run(), best])
    assert Summary.read(run, best=True).weighted["accuracy"] == 0.75
    assert Summary.read(run).weighted["accuracy"] == 0.875


def test_json_knows_no_nan(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "a", with_accuracy(None)), write_run(tmp_path / "b")]
    done = CliRunner().invoke(app, ["compare", "--json", *map(str, runs)])
    found = json.loads(done.stdout, parse_constant=pytest.fail)
    assert found["runs"][0]["runs"][0]["sites"]["va"]["accuracy"] is None
    assert found["runs"][1]["folder"] == str(runs[1])
    assert found["warnings"] == []


@pytest.mark.parametrize("arguments", [[], ["runs/a"], ["nothing", "nowhere"]])
def test_used_wrongly(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["compare", *arguments]).exit_code == 2
