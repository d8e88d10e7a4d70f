"""A study on each engine, every one in processes of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import Memory, child_named
from benchmarks.processes import Children, children, wait_for
from benchmarks.relay import Relay

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
LIMIT = 1200.0  # seconds that any one engine may take
START = 120.0  # seconds for a server to come up


@dataclass(frozen=True)
class Study:
    """A notebook, its ``federation``'s settings, and the folder for all that engines write.

    Without ``federation`` they are those of the federation.yaml beside the notebook. ``nodes`` are
    the sites, each with its values as Flower's configuration of a node has them.
    """

    notebook: Path
    nodes: Mapping[str, Mapping[str, object]]
    rounds: int
    seed: int
    folder: Path
    federation: Path | None = None

    @property
    def settings(self) -> Path:
        """The federation.yaml."""
        return self.federation or self.notebook.with_name("federation.yaml")

    @property
    def threads(self) -> int:
        """What nbfed gives a site's process: the cores are shared by the sites."""
        return max(1, (os.cpu_count() or 1) // len(self.nodes))


@dataclass(frozen=True)
class Ran:
    """A run that an engine made: ``total`` are seconds from the first command to the last's end.

    ``idle`` is when the server's processes were up and had not begun (seconds since 1970).
    """

    run: Path
    total: float
    idle: float = 0.0


def environment(folder: Path) -> dict[str, str]:
    """This environment, with the project importable and Flower kept to a folder of its own."""
    return os.environ | {
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(ROOT),
        "FLWR_HOME": str(folder / "flwr"),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
    }


def nbfed(*arguments: object) -> list[str]:
    """The command line of nbfed, run by this Python."""
    return [sys.executable, "-m", "nbfed", *map(str, arguments)]


def build(study: Study) -> Path:
    """The study's build, made once for all engines."""
    dist = study.folder / "dist"
    with children(study.folder / "build", environment(study.folder)) as group:
        command = nbfed("build", study.notebook, "--federation", study.settings, "--out", dist)
        group.start("build", command).wait(START)
    (made,) = dist.iterdir()
    return made


def simulate(study: Study, workers: int, memory: Memory | None = None) -> Ran:
    """`nbfed simulate` without baselines; ``memory`` watches it with its workers."""
    folder = study.folder / f"simulate-{workers}"
    run = folder / "run"
    command = nbfed("simulate", study.notebook, "--rounds", study.rounds, "--seed", study.seed)
    command += ["--workers", str(workers), "--baselines", "none"]
    command += ["--federation", str(study.settings)]
    command += ["--run-dir", str(run), "--out", str(folder / "dist")]
    start = time.perf_counter()
    with children(folder, environment(folder)) as group:
        child = group.start("simulate", command)
        if memory:
            memory.follow("simulate", child.pid, tree=True)
        child.wait(LIMIT)
    return Ran(run, time.perf_counter() - start)


def federation(
    study: Study,
    made: Path,
    *,
    name: str = "federation",
    memory: Memory | None = None,
    relays: dict[str, Relay] | None = None,
    rate: float = 0.0,
    **variables: str,
) -> Ran:
    """`nbfed run-server` and a `nbfed run-client` for each site.

    ``memory`` watches "server", "superlink", "gateway" and every site; ``relays`` are filled with
    one for each site, through which it reaches the server, at ``rate`` bytes a second each way if
    that is not 0. ``variables`` are of the processes' environment.
    """
    folder = study.folder / name
    run = folder / "run"
    command = nbfed("run-server", "--build", made, "--address", "127.0.0.1:0", "--json")
    command += ["--rounds", str(study.rounds), "--seed", str(study.seed), "--run-dir", str(run)]
    start = time.perf_counter()
    with ExitStack() as stack:
        group = stack.enter_context(children(folder, environment(folder) | variables))
        server = group.start("server", command)
        if memory:
            memory.follow("server", server.pid)
        address, idle = _listening(server.log, group)
        link, gateway = (
            child_named(server.pid, f"{part}_child") for part in ("superlink", "gateway")
        )
        assert link is not None and gateway is not None
        if memory:
            memory.follow("superlink", link)
            memory.follow("gateway", gateway)
        sites = []
        for site in study.nodes:
            if relays is not None:
                relays[site] = stack.enter_context(Relay(address, rate))
            reached = relays[site].address if relays else address
            command = nbfed("run-client", "--site", site, "--build", made, "--server", reached)
            sites.append(group.start(site, command))
            if memory:
                memory.follow(site, sites[-1].pid)
        for child in (server, *sites):
            child.wait(LIMIT)
    return Ran(run, time.perf_counter() - start, idle)


def listening(log: Path) -> str:
    """Return the address that a server's output tells, or "" as long as it does not."""
    for line in log.read_text(errors="replace").splitlines(keepends=True):
        if line.startswith("{") and line.endswith("\n"):
            event = json.loads(line)
            if event["event"] == "listening":
                return str(event["address"])
    return ""


def _listening(log: Path, group: Children) -> tuple[str, float]:
    """Wait for the server; return its address, and a time shortly before it said so."""
    before = time.time()
    for _ in wait_for("listening", group, START):
        looked = time.time()
        if address := listening(log):
            return address, before
        before = looked
    raise AssertionError("wait_for does not end without an error")
