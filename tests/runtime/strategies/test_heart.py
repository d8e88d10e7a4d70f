"""Every strategy on the heart example: two rounds on the embedded engine, all figures finite."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from nbfed.builds import notebook_folder
from nbfed.compilation import compile_sources
from nbfed.emit import Build, build_files
from nbfed.emit.manifest import Manifest
from nbfed.emit.names import Names
from nbfed.engine.embedded import EmbeddedGrid
from nbfed.engine.server import ServerPackage
from nbfed.sources import read_sources

HEART = Path(__file__).parents[3] / "examples" / "heart-disease"

OPTIONS: dict[str, dict[str, Any]] = {
    "fedavg": {},
    "fedavgm": {"server_momentum": 0.5},
    "fedadam": {"eta": 0.01},
    "fedyogi": {"eta": 0.01},
    "fedadagrad": {"eta": 0.01},
    "fedprox": {"proximal_mu": 0.1},
    "fedmedian": {},
    "fedtrimmedavg": {},
    "krum": {},
    "multikrum": {"num_nodes_to_select": 2},
    "bulyan": {},
    "qfedavg": {"client_learning_rate": 0.003},
    "scaffold": {},
    "fednova": {},
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("heart")
    compiled = compile_sources(read_sources(HEART / "heart.ipynb", HEART / "federation.yaml"))
    assert compiled.program is not None, compiled.diagnostics
    _, files = build_files(
        compiled.program,
        compiled.sources.federation,
        compiled.requirements,
        notebook=str(HEART / "heart.ipynb"),
        federation_file=str(HEART / "federation.yaml"),
    )
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    manifest = Manifest.from_json(files["build.json"])
    manifest = replace(manifest, notebook=str(HEART / "heart.ipynb"))
    return Build(folder, Names("heart"), manifest, changed=True)


@pytest.fixture(scope="module")
def grid(build: Build) -> Iterator[EmbeddedGrid]:
    nodes = {
        site: {"DATA_FILE": f"data/{site}.csv"}
        for site in ("cleveland", "hungarian", "switzerland", "va")
    }
    package = build.names.client_package
    with EmbeddedGrid(
        build.client, package, nodes, workdir=notebook_folder(build), threads=1
    ) as made:
        yield made


def run(build: Build, grid: EmbeddedGrid, folder: Path, name: str, options: Any) -> Any:
    server = ServerPackage(build)
    settings = server.settings(
        {
            "rounds": 2,
            "strategy": name,
            "strategy-options": json.dumps(options),
            "run-dir": str(folder),
            "poll-seconds": 0.001,
        }
    )
    return server.run(grid, settings)


@pytest.mark.parametrize("name", OPTIONS)
def test_it_runs(build: Build, grid: EmbeddedGrid, tmp_path: Path, name: str) -> None:
    outcome = run(build, grid, tmp_path / "run", name, OPTIONS[name])
    assert (outcome.outcome, outcome.reason) == ("finished", "")
    weights = load_file(tmp_path / "run" / "model.safetensors")
    assert all(np.isfinite(value).all() for value in weights.values())
    lines = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert not [event for event in events if event["event"] == "site-failed"]
    evaluated = [event for event in events if event["event"] == "evaluated"]
    assert len(evaluated) == 3
    for event in evaluated:
        assert len(event["sites"]) == 4
        assert all(math.isfinite(value) for value in event["weighted"].values())


def test_fedbn_needs_a_normalisation(build: Build, grid: EmbeddedGrid, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="the model has none: use fedavg"):
        run(build, grid, tmp_path / "run", "fedbn", {})
