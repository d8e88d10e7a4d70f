"""``nbfed export`` of a whole small study's run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.e2e.command import nbfed
from tests.e2e.study import SIZED, write_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    write_study(folder, SIZED)
    start = ("simulate", "study.ipynb", "--rounds", "1", "--baselines", "none", "--run-dir", "run")
    done = nbfed(*start, cwd=folder)
    assert done.code == 0, done.err
    return folder


def test_torchscript_is_the_run_s_model(folder: Path) -> None:
    done = nbfed("export", "run", "--format", "torchscript", "--json", cwd=folder)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    # As in the data of the first site.
    assert told["inputs"] == ["[rows, 2] float32"]
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    model.load_state_dict(load_file(folder / "run/model.safetensors"))
    rows = torch.randn(5, 2)
    exported = torch.jit.load(folder / told["file"])
    assert torch.allclose(exported(rows), model(rows), atol=1e-6)


def test_onnx_and_a_card_with_the_run_s_facts(folder: Path) -> None:
    start = ("export", "run", "--format", "onnx", "--input-shape", "1,2", "--out", "onnx")
    done = nbfed(*start, cwd=folder)
    assert done.code == 0, done.err
    assert "agrees with torch by onnx's reference evaluator" in done.out
    card = (folder / "onnx/MODEL_CARD.md").read_text()
    assert card.count("**To be filled in by the author**") == 3
    events = [json.loads(line) for line in (folder / "run/events.jsonl").read_text().splitlines()]
    last = [event for event in events if event["event"] == "evaluated"][-1]
    value = last["sites"]["west"]["metrics"]["accuracy"]
    for line in (
        "| west | 15 | 5 |",
        f"| west | {value:.4f} |",
        "| rounds | 1 of 1 |",
        f"| client package, SHA-256 | `{events[0]['digest']}` |",
        "| input | `[rows, 2] float32` |",
        "| what the sites sent | all of the model's weights, and the metrics below; no rows of "
        "data |",
    ):
        assert line in card.splitlines()
    refused = nbfed(*start, cwd=folder)
    assert (refused.code, "onnx/study.onnx is there already" in refused.err) == (3, True)


def test_a_card_that_is_there_is_kept(folder: Path) -> None:
    (folder / "kept").mkdir()
    (folder / "kept/MODEL_CARD.md").write_text("mine")
    done = nbfed("export", "run", "--format", "safetensors", "--out", "kept", cwd=folder)
    assert done.code == 0, done.err
    assert (folder / "kept/MODEL_CARD.md").read_text() == "mine"
    file = (folder / "kept/study.safetensors").read_bytes()
    assert file == (folder / "run/model.safetensors").read_bytes()


def test_a_build_of_something_else_is_not_taken(folder: Path) -> None:
    build = folder / "run/build.json"
    before = build.read_text()
    try:
        build.write_text(json.dumps({**json.loads(before), "client_digest": "0" * 64}))
        done = nbfed("export", "run", "--format", "onnx", "--out", "nowhere", cwd=folder)
    finally:
        build.write_text(before)
    assert done.code == 2
    assert "the run's build of study (000000000000) is not here: dist/study" in done.err
    assert not (folder / "nowhere").exists()


def test_weights_that_are_not_whole_make_no_model(folder: Path) -> None:
    done = nbfed("export", "run", "--format", "onnx", "--input-shape", "1,7", cwd=folder)
    assert done.code == 1
    assert "Traceback" not in done.err
