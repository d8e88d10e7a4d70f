"""The server's side: FedAvg with Flower's own loop, and lines in a file as it goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from flwr.app import ArrayRecord, Context, Message, MetricRecord
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from ordinary.work import work_of

app = ServerApp()


class Diary:
    """Writes the events that benchmarks/events.py reads of any run."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._file = folder / "events.jsonl"
        self._begun = time.monotonic()

    def tell(self, event: str, **values: object) -> None:
        line = {"time": datetime.now(UTC).isoformat(), "event": event, **values}
        with self._file.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def after_round(self, number: int, _: ArrayRecord) -> None:
        """Flower calls this at its start, and when a round's training and evaluation are over."""
        now = time.monotonic()
        if number:
            self.tell("round-finished", round=number, seconds=now - self._begun)
        self.tell("round-started", round=number + 1)
        self._begun = now


class ToldFedAvg(FedAvg):
    """Flower's FedAvg, whose metrics go into the diary."""

    diary: Diary

    def aggregate_evaluate(
        self, server_round: int, replies: Iterable[Message]
    ) -> MetricRecord | None:
        metrics = super().aggregate_evaluate(server_round, replies)
        self.diary.tell("evaluated", round=server_round, weighted=dict(metrics or {}))
        return metrics


@app.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    model = work_of(config).build_model(config)
    sites = int(config["sites"])
    strategy = ToldFedAvg(
        min_available_nodes=sites, min_train_nodes=sites, min_evaluate_nodes=sites
    )
    strategy.diary = Diary(Path(str(config["run-dir"])))
    while len(list(grid.get_node_ids())) < sites:
        time.sleep(1)
    arrays = ArrayRecord(model.state_dict())
    rounds = int(config["rounds"])
    strategy.start(grid, arrays, num_rounds=rounds, evaluate_fn=strategy.diary.after_round)
    strategy.diary.tell("run-finished", outcome="finished", reason="")
