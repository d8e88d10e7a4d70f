from __future__ import annotations

import json
from pathlib import Path

import nbfed
from nbfed.notebook.frame import COLUMNS
from tests.unit import run_events


def write_run(folder: Path) -> Path:
    folder.mkdir(parents=True)
    lines = [json.dumps(event) for event in run_events.whole_run()]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_a_row_for_each_number_of_each_site(tmp_path: Path) -> None:
    frame = nbfed.results(write_run(tmp_path / "run"))
    assert tuple(frame.columns) == COLUMNS
    # Three evaluations of two metrics and two rounds of one, at two sites.
    assert len(frame) == 2 * (3 * 2 + 2 * 1)
    accuracy = frame[(frame.metric == "accuracy") & (frame.site == "va")]
    assert list(accuracy["round"]) == [0, 1, 2]
    assert list(accuracy.value) == run_events.ACCURACY
    assert set(accuracy.examples) == {50}
    training = frame[frame.phase == "train"]
    assert list(training[training.site == "va"].value) == [0.5, 0.25]


def test_a_round_that_was_made_twice_counts_once_and_null_is_nan(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    again = run_events.evaluated(2)
    again["sites"]["va"]["metrics"] = {"accuracy": None}
    with (run / "events.jsonl").open("a") as stream:
        stream.write(json.dumps(again) + "\n")
    frame = nbfed.results(run)
    last = frame[(frame["round"] == 2) & (frame.site == "va") & (frame.metric == "accuracy")]
    assert len(last) == 1
    assert last.value.isna().all()


def test_what_the_server_evaluated_is_a_phase_of_its_own(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    told = {"event": "server-evaluated", "round": 2, "metrics": {"auc": 0.75}, "seconds": 0.1}
    with (run / "events.jsonl").open("a") as stream:
        stream.write(json.dumps(told) + "\n")
    (found,) = nbfed.results(run).query("phase == 'server'").to_dict("records")
    assert (found["round"], found["metric"], found["value"]) == (2, "auc", 0.75)


def test_seeds_and_baselines_have_columns_of_their_own(tmp_path: Path) -> None:
    for seed in (7, 8):
        run = write_run(tmp_path / f"run/seeds/{seed}")
        write_run(run / "baselines/local-va")
        write_run(run / "baselines/pooled")
    frame = nbfed.results(tmp_path / "run", baselines=True)
    assert tuple(frame.columns) == ("seed", "model", *COLUMNS)
    assert set(zip(frame.seed, frame.model, strict=True)) == {
        (seed, model) for seed in (7, 8) for model in ("federated", "own", "pooled")
    }
    assert "model" not in nbfed.results(tmp_path / "run").columns
