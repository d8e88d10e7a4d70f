"""One seed gives the same model and the same figures in a simulation and over the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from safetensors.numpy import load_file

from nbfed.engine.simulate import simulate
from nbfed.federation.schema import Strategy, Transport
from tests.runtime import demo
from tests.runtime.client.test_site_node import (
    end,
    free_port,
    output,
    server,
    site_command,
    write_site,
)


def events(run: Path, name: str) -> list[dict[str, Any]]:
    all_events = map(json.loads, (run / "events.jsonl").read_text().splitlines())
    return [event for event in all_events if event["event"] == name]


NORM = ("1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked")
FLOATS = ("0.weight", "0.bias", *NORM[:4], "4.weight", "4.bias")


@pytest.mark.parametrize(
    ("strategy", "precision", "stays"),
    [
        ("fedavg", "full", set()),
        ("scaffold", "half", {f"control:{name}" for name in FLOATS}),
        ("fedbn", "full", {f"model:{name}" for name in NORM}),
    ],
)
def test_simulation_and_federation_agree(
    tmp_path: Path, strategy: str, precision: Literal["full", "half"], stays: set[str]
) -> None:
    changes = {"strategy": Strategy(name=strategy), "transport": Transport(precision=precision)}
    chosen = demo.FEDERATION.model_copy(update=changes)
    build = demo.write_packages(demo.program(), tmp_path, federation=chosen)
    demo.write_data(tmp_path)
    simulated, federated = tmp_path / "simulated", tmp_path / "run"
    simulated.mkdir()
    simulate(build, demo.FEDERATION, run_dir=simulated, baselines=(), seed=7)
    port = free_port()
    sites = []
    with server(tmp_path, port, "--seed", 7) as serving:
        for site in demo.SITES:
            config = write_site(tmp_path, site, server=f"127.0.0.1:{port}")
            sites.append(site_command(tmp_path, config))
        try:
            said = [output(process) for process in (*sites, serving)]
        finally:
            end(sites)
    assert [process.returncode for process in (*sites, serving)] == [0] * 4, said
    left, right = (load_file(run / "model.safetensors") for run in (simulated, federated))
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_allclose(value, right[name], rtol=0, atol=1e-6, err_msg=name)
    sent = {event["bytes_out"] for event in events(federated, "site-replied")}
    assert sent == {event["bytes_out"] for event in events(simulated, "site-replied")}
    told, seen = events(simulated, "evaluated"), events(federated, "evaluated")
    assert len(told) == 3
    assert [event["sites"] for event in told] == [event["sites"] for event in seen]
    kept = {
        site: [load_file(path).keys() for path in tmp_path.rglob(f"{site}/local/*.safetensors")]
        for site in demo.SITES
    }
    # After each of the two rounds, in the site's own folder.
    assert kept == {site: [stays, stays] if stays else [] for site in demo.SITES}
