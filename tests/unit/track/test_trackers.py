"""The trackers, by reading back what they wrote."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbfed.errors import NbfedError
from nbfed.federation.schema import Federation, FederationError, Track
from nbfed.track import tracked
from tests.unit import run_events
from tests.unit.run_events import Event


def timed(events: list[Event]) -> list[Event]:
    return [{"time": "2026-01-02T03:04:05.000+00:00", **event} for event in events]


def write(folder: Path, events: list[Event]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "events.jsonl").open("a") as stream:
        stream.writelines(json.dumps(event) + "\n" for event in timed(events))


def track_whole_run(run: Path, track: Track) -> None:
    with tracked(run, track):
        write(run, run_events.whole_run())
        write(run / "baselines/local-va", run_events.whole_run())


@pytest.fixture(scope="module")
def mlflow_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The runs in a MLflow of ours on SQLite: one that was resumed, and its baseline."""
    folder = tmp_path_factory.mktemp("mlflow")
    track = Track(mlflow=f"sqlite:///{folder}/mlflow.db")
    run = folder / "runs/one"
    events = run_events.whole_run()
    cut = next(i for i, event in enumerate(events) if event["event"] == "round-finished") + 1
    with tracked(run, track):
        write(run, events[:cut])
        write(run / "baselines/local-va", events)
    resumed = run_events.started(event="run-resumed", rounds_done=1)
    with tracked(run, track, from_now=True):
        write(run, [resumed, *events[cut:]])
    assert not (run / "track.log").exists(), (run / "track.log").read_text()
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=track.mlflow)
    (experiment,) = [e for e in client.search_experiments() if e.name == "heart"]
    found = client.search_runs([experiment.experiment_id])
    yield {
        "client": client,
        "runs": {each.data.tags["nbfed.model"]: each for each in found},
        "count": len(found),
    }


def test_mlflow_has_each_round_s_metrics(mlflow_runs: dict[str, Any]) -> None:
    run = mlflow_runs["runs"]["federated"]
    history = mlflow_runs["client"].get_metric_history
    for name in ("evaluate/accuracy", "evaluate/accuracy/va"):
        found = {each.step: each.value for each in history(run.info.run_id, name)}
        assert found == dict(enumerate(run_events.ACCURACY))
    assert run.data.metrics["train/train_loss/cleveland"] == 0.25
    assert run.data.metrics["site/examples/va"] == 50
    assert run.data.params["strategy"] == "fedavg"
    assert run.data.params["params.LR"] == "0.1"
    assert (run.info.status, run.info.run_name) == ("FINISHED", "one")


def test_in_mlflow_a_resumed_run_is_one_and_a_baseline_is_its_child(
    mlflow_runs: dict[str, Any],
) -> None:
    assert mlflow_runs["count"] == 2
    baseline = mlflow_runs["runs"]["local-va"]
    assert baseline.info.run_name == "va alone"
    parent = baseline.data.tags["mlflow.parentRunId"]
    assert parent == mlflow_runs["runs"]["federated"].info.run_id


def test_tensorboard_has_them_too(tmp_path: Path) -> None:
    track_whole_run(tmp_path / "run/seeds/7", Track(tensorboard=str(tmp_path / "tb")))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for folder in ("run-seeds-7", "run-seeds-7/baselines/local-va"):
        events = EventAccumulator(str(tmp_path / "tb" / folder)).Reload()
        found = {each.step: each.value for each in events.Scalars("evaluate/accuracy/va")}
        assert found == dict(enumerate(run_events.ACCURACY))
        # When it happened, not when it was written.
        assert events.Scalars("evaluate/accuracy")[0].wall_time == pytest.approx(1767323045)


def test_a_metric_that_is_no_number_is_left_out(tmp_path: Path) -> None:
    events = run_events.whole_run()
    events[-2]["weighted"] = {"accuracy": None}
    with tracked(tmp_path / "run", Track(tensorboard=str(tmp_path / "tb"))):
        write(tmp_path / "run", events)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(tmp_path / "tb/run")).Reload().Scalars("evaluate/accuracy")
    assert [each.step for each in found] == [0, 1]
    assert not (tmp_path / "run/track.log").exists()


def test_a_tracker_that_fails_is_logged_and_nothing_else_happens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tb").write_text("a file where a folder should be")
    track_whole_run(tmp_path / "run", Track(tensorboard=str(tmp_path / "tb")))
    assert capsys.readouterr().err.splitlines() == [
        f"tensorboard tracks no more: NotADirectoryError; see {tmp_path}/run/track.log"
    ]
    assert "Traceback" in (tmp_path / "run/track.log").read_text()


def test_an_mlflow_that_does_not_answer_is_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        track_whole_run(
            tmp_path / "run", Track(mlflow=f"http://127.0.0.1:{taken.getsockname()[1]}")
        )
    assert "mlflow tracks no more: " in capsys.readouterr().err


def test_a_tracker_that_is_not_installed_is_told_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with (
        pytest.raises(NbfedError, match="`track: mlflow` needs mlflow") as caught,
        tracked(tmp_path, Track(mlflow="sqlite:///x.db")),
    ):
        pass
    assert "pip install 'nbfed[mlflow]'" in caught.value.hint


def test_the_keys_of_federation_yaml() -> None:
    text = "track: {mlflow: 'sqlite:///mlflow.db', tensorboard: runs/tb}\n"
    track = Federation.from_text(text).track
    assert track is not None
    assert track.wanted == {"mlflow": "sqlite:///mlflow.db", "tensorboard": "runs/tb"}
    with pytest.raises(FederationError, match="has a name or a password in it") as caught:
        Federation.from_text("track:\n  mlflow: https://me:secret@example.org/mlflow\n")
    assert "secret" not in str(caught.value)
    assert caught.value.line == 2
