"""The server's side: FedAvg with Flower's own loop, and a line in a file after each round."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import torch
from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from ordinary.task import build_model

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


@app.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    torch.manual_seed(int(config["seed"]))
    model = build_model(int(config["width"]), int(config["layers"]))
    sites = int(config["sites"])
    strategy = FedAvg(min_available_nodes=sites, min_train_nodes=sites, min_evaluate_nodes=sites)
    diary = Diary(Path(str(config["run-dir"])))
    while len(list(grid.get_node_ids())) < sites:
        time.sleep(1)
    arrays = ArrayRecord(model.state_dict())
    rounds = int(config["rounds"])
    strategy.start(grid, arrays, num_rounds=rounds, evaluate_fn=diary.after_round)
    diary.tell("run-finished", outcome="finished", reason="")
