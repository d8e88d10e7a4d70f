"""One seed gives the same model and the same figures in a simulation and over the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from nbfed.engine.simulate import simulate
from tests.runtime import demo
from tests.runtime.client.test_site_node import (
    end,
    free_port,
    output,
    server,
    site_command,
    write_site,
)


def evaluated(run: Path) -> list[dict[str, Any]]:
    events = map(json.loads, (run / "events.jsonl").read_text().splitlines())
    return [event for event in events if event["event"] == "evaluated"]


def test_simulation_and_federation_agree(tmp_path: Path) -> None:
    build = demo.write_packages(demo.program(), tmp_path)
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
    told, seen = evaluated(simulated), evaluated(federated)
    assert len(told) == 3
    assert [event["sites"] for event in told] == [event["sites"] for event in seen]
