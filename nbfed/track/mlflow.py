"""Events to MLflow: an experiment for the federation, a run for each run and baseline."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nbfed.files import write_whole
from nbfed.progress.display import Event, baseline_name
from nbfed.track.numbers import label, milliseconds, numbers, settings

# The id of MLflow's run, by baseline: a run that is resumed goes on in MLflow too.
IDS = "mlflow.json"
_PARENT = "mlflow.parentRunId"
_ENDINGS = {"finished": "FINISHED", "stopped early": "FINISHED", "stopped": "KILLED"}
_LONGEST = 500


class MlflowTracker:
    """A display that writes to the MLflow at ``uri``."""

    def __init__(self, uri: str, run: Path) -> None:
        self._uri = uri
        self._run = run
        self._client: Any = None
        self._ids: dict[str, str] = {}
        self._experiment = ""

    def show(self, event: Event, baseline: str) -> None:
        """Write the event's numbers, or the run's settings, or its end."""
        if self._client is None:
            self._connect()
        if event["event"] in ("run-started", "run-resumed") and baseline not in self._ids:
            self._begin(event, baseline)
        if baseline not in self._ids:
            return
        self._write_numbers(event, self._ids[baseline])
        if event["event"] == "run-finished":
            status = _ENDINGS.get(event["outcome"], "FAILED")
            self._client.set_terminated(self._ids[baseline], status, milliseconds(event))

    def close(self) -> None:
        """Nothing is held back."""

    def _connect(self) -> None:
        # As everywhere in nbfed: nothing is reported to anybody.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("DO_NOT_TRACK", "true")
        # A server that does not answer shall not hold up the end of a run for long.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
        import logging

        from mlflow import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self._client = MlflowClient(tracking_uri=self._uri)
        if (self._run / IDS).is_file():
            self._ids = json.loads((self._run / IDS).read_text(encoding="utf-8"))

    def _begin(self, event: Event, baseline: str) -> None:
        name = baseline_name(baseline) if baseline else label(self._run)
        tags = {"nbfed.model": baseline or "federated"}
        if baseline and "" in self._ids:
            tags[_PARENT] = self._ids[""]
        run = self._client.create_run(
            self._experiment_of(event["name"]), milliseconds(event), tags, run_name=name
        )
        self._ids[baseline] = run.info.run_id
        write_whole(self._run / IDS, json.dumps(self._ids) + "\n")
        from mlflow.entities import Param

        params = [Param(key, value[:_LONGEST]) for key, value in settings(event).items()]
        self._client.log_batch(run.info.run_id, params=params)

    def _experiment_of(self, name: str) -> str:
        if not self._experiment:
            found = self._client.get_experiment_by_name(name)
            self._experiment = (
                found.experiment_id if found else self._client.create_experiment(name)
            )
        return self._experiment

    def _write_numbers(self, event: Event, run_id: str) -> None:
        found = list(numbers(event))
        if not found:
            return
        from mlflow.entities import Metric

        time = milliseconds(event)
        metrics = [Metric(name, value, time, step) for name, value, step in found]
        self._client.log_batch(run_id, metrics=metrics)
