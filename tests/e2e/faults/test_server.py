"""Servers and simulations that die or are stopped: what was finished is there, and goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np

from tests.e2e.faults.federation import Start, kill, output_of, same, superlink_of


def test_a_server_that_dies_twice_goes_on_with_its_sites_each_time(
    pair: Path, undisturbed: dict[str, np.ndarray], start: Start
) -> None:
    federation = start(pair)
    federation.faults("south", "none sleep:3 none sleep:3 none")
    server = federation.server()
    sites = [federation.site("north"), federation.site("south")]

    def in_round(number: int) -> bool:
        return any(e["round"] == number for e in federation.of("round-started"))

    federation.until(lambda: in_round(2))
    kill(superlink_of(server))
    assert federation.ends(server) == [4]
    (ended,) = federation.of("run-finished")
    assert (ended["outcome"], ended["rounds_done"]) == ("aborted", 1)
    assert "the SuperLink does not answer any more" in ended["reason"]
    assert "1 round is kept: go on with --resume run" in federation.log("server")

    server = federation.server("--resume", "run")
    federation.until(lambda: in_round(3))
    kill(server.pid)
    server.wait()
    # Its children end with it.
    federation.until(lambda: federation.marked() == {site.pid for site in sites})
    assert len(federation.of("run-finished")) == 1

    server = federation.server("--resume", "run")
    assert federation.ends(server, *sites) == [0, 0, 0], federation.log("server")
    assert [e["rounds_done"] for e in federation.of("run-resumed")] == [1, 2]
    assert [e["round"] for e in federation.of("round-finished")] == [1, 2, 3]
    assert federation.events[-1]["outcome"] == "finished"
    assert same(federation.run, undisturbed)


def test_a_flipped_bit_in_the_newest_checkpoint_costs_its_round_alone(
    pair: Path, undisturbed: dict[str, np.ndarray], start: Start
) -> None:
    federation = start(pair)
    federation.faults("south", "none none sleep:600 none none")
    server = federation.server()
    sites = [federation.site("north"), federation.site("south")]
    federation.until(lambda: len(federation.faults_left("south")) == 2)
    for process in (server, *sites):
        kill(process.pid)
        process.wait()
    federation.until(lambda: not federation.marked())
    newest = federation.run / "checkpoints" / "round-002.safetensors"
    with newest.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1000, os.SEEK_END)
        file.write(bytes([byte ^ 64]))
    server = federation.server("--resume", "run")
    sites = [federation.site("north"), federation.site("south")]
    assert federation.ends(server, *sites) == [0, 0, 0], federation.log("server")
    (resumed,) = federation.of("run-resumed")
    assert (resumed["file"], resumed["rounds_done"], resumed["damaged"]) == (
        "checkpoints/round-001.safetensors",
        1,
        ["checkpoints/round-002.safetensors"],
    )
    assert "damaged, and passed over: checkpoints/round-002" in federation.log("server")
    assert same(federation.run, undisturbed)


def test_a_worker_of_a_simulation_that_is_killed_costs_its_part_of_the_round(
    loose: Path, start: Start
) -> None:
    federation = start(loose)
    federation.faults("south", "none sleep:600 none none none none")
    simulation = federation.simulation("--baselines", "none", "--workers", "2")
    federation.until(lambda: len(federation.faults_left("south")) == 4)
    (worker,) = [pid for pid in federation.marked() if output_of(pid).endswith("worker-2.log")]
    kill(worker)
    assert federation.ends(simulation) == [0], federation.log("server")
    (failed,) = federation.of("site-failed")
    assert (failed["round"], failed["site"]) == (2, "south")
    assert failed["reason"] == "the process of site south ended (signal 9)"
    rounds = federation.of("round-finished")
    assert [e["missing"] for e in rounds] == [[], ["south"], [], [], [], []]
    # A process that ends is seen at once.
    assert rounds[1]["seconds"] < 100


def test_ctrl_c_in_a_round_leaves_a_run_that_can_go_on(solo: Path, start: Start) -> None:
    federation = start(solo)
    federation.faults("north", "none sleep:600")
    server, north = federation.server(), federation.site("north")
    federation.until(lambda: federation.of("checkpoint") and not federation.faults_left("north"))
    server.send_signal(signal.SIGINT)
    assert federation.ends(server) == [130]
    ended = federation.events[-1]
    assert (ended["event"], ended["outcome"], ended["rounds_done"]) == (
        "run-finished",
        "stopped",
        1,
    )
    assert (federation.run / "model.safetensors").is_file()
    assert federation.marked() == {north.pid}
    north.send_signal(signal.SIGINT)
    assert federation.ends(north) == [130]
    assert "Traceback" not in federation.log("server") + federation.log("north")
