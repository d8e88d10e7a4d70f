"""Variants of the heart notebook, compiled and simulated with their baselines."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from nbfed.compilation import compile_sources
from nbfed.emit import write
from nbfed.engine.simulate import simulate
from nbfed.outcome.results import Results
from nbfed.sources import read_sources

HEART = Path(__file__).parents[3] / "examples" / "heart-disease"

NORMED = ("    nn.ReLU(),", "    nn.BatchNorm1d(HIDDEN),\n    nn.ReLU(),")
PATTERN = ("model = nn.Sequential(", "# nbfed: model exchange=0.*\nmodel = nn.Sequential(")
KEEP = ("history = []", "# nbfed: train keep=optimizer\nhistory = []")
STRATEGY = (
    "plt.figure(figsize=(5, 3))",
    "# nbfed: strategy\nfrom flwr.serverapp.strategy import FedAdam\n"
    "strategy = FedAdam(eta=0.01, fraction_evaluate=0.0)\n# nbfed: skip\n"
    "plt.figure(figsize=(5, 3))",
)

# Edits of the notebook's cells, federation.yaml's strategy, and how many entries travel.
VARIANTS: dict[str, tuple[list[tuple[str, str]], str, int]] = {
    "fedbn": ([NORMED], "fedbn", 4),
    "exchange": ([PATTERN], "fedavg", 2),
    "keep": ([KEEP], "fedavg", 4),
    "strategy cell": ([STRATEGY], "fedavg", 4),
    "all at once": ([NORMED, KEEP], "scaffold", 9),
}


def simulated(
    folder: Path, name: str, *, workers: int | None = None, baselines: bool = True
) -> Results:
    edits, strategy, _ = VARIANTS[name]
    notebook = json.loads((HEART / "heart.ipynb").read_text())
    for before, after in edits:
        cells = [cell for cell in notebook["cells"] if before in "".join(cell["source"])]
        assert len(cells) == 1, before
        source = "".join(cells[0]["source"]).replace(before, after)
        cells[0]["source"] = source
        if "# nbfed:" in after:
            cells[0]["metadata"].pop("tags", None)
    (folder / "heart.ipynb").write_text(json.dumps(notebook))
    text = (HEART / "federation.yaml").read_text().replace("data/", f"{HEART}/data/")
    text = text.replace("name: fedavg", f"name: {strategy}").replace("rounds: 20", "rounds: 2")
    (folder / "federation.yaml").write_text(text)
    compiled = compile_sources(read_sources(folder / "heart.ipynb", folder / "federation.yaml"))
    assert compiled.program is not None, compiled.diagnostics
    assert (compiled.program.strategy is not None) == (name == "strategy cell")
    build = write(
        compiled.program,
        compiled.sources.federation,
        compiled.requirements,
        out=folder,
        notebook=folder / "heart.ipynb",
        federation_file=folder / "federation.yaml",
    )
    run_dir = folder / f"run-{workers}"
    run_dir.mkdir()
    return simulate(
        build,
        compiled.sources.federation,
        run_dir=run_dir,
        workers=workers,
        baselines=("local", "pooled") if baselines else (),
        seed=42,
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_and_its_baselines(tmp_path: Path, name: str) -> None:
    results = simulated(tmp_path, name)
    assert results.models == ("own", "pooled", "federated") and not results.missing
    for site in results.sites.values():
        for model in results.models:
            assert all(math.isfinite(value) for value in site.metrics(model).values())
    run = tmp_path / "run-None"
    weights = load_file(run / "model.safetensors")
    assert len(weights) == VARIANTS[name][2]
    assert all(np.isfinite(value).all() for value in weights.values())
    # The table's figures are those of the run's own last evaluation: the sites had kept theirs.
    events = map(json.loads, (run / "events.jsonl").read_text().splitlines())
    last = [event for event in events if event["event"] == "evaluated"][-1]
    for site, result in results.sites.items():
        assert last["sites"][site]["metrics"] == dict(result.federated)


@pytest.mark.parametrize("name", ["fedbn", "all at once"])
def test_local_state_does_not_depend_on_the_workers(tmp_path: Path, name: str) -> None:
    for workers in (1, 2):
        simulated(tmp_path, name, workers=workers, baselines=False)
    one, two = ((tmp_path / f"run-{n}" / "model.safetensors").read_bytes() for n in (1, 2))
    assert one == two
