"""The digits federation on each engine, every one in processes of its own."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.digits.events import figures, outcome, read_events
from benchmarks.digits.make_data import FOLDER, HOME
from benchmarks.digits.processes import Children, children, free_ports, wait_for

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
# What nbfed gives a site's process: the cores are shared by the sites. The loop gets as many.
SITE_THREADS = max(1, (os.cpu_count() or 1) // len(HOME))
LIMIT = 1200.0  # seconds that any one engine may take
START = 120.0  # seconds for a server to come up


@dataclass(frozen=True)
class Workload:
    """What every engine runs: rounds and seed, and the folder for all that they write."""

    rounds: int
    seed: int
    folder: Path


@dataclass(frozen=True)
class Measurement:
    """One engine's figures: ``total`` counts from the first command to the end of the last.

    ``accuracies`` are weighted by test examples, one for each round's model, 0 first.
    """

    engine: str
    seconds: float
    total: float
    accuracies: tuple[float, ...]


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
    return [sys.executable, "-m", "nbfed", *map(str, arguments)]


def build(work: Workload) -> Path:
    """The build of digits.ipynb, made once for all engines."""
    dist = work.folder / "dist"
    with children(work.folder / "build", environment(work.folder)) as group:
        command = nbfed("build", HERE / "digits.ipynb", "--out", dist)
        group.start("build", command).wait(START)
    return dist / "digits"


def loop(work: Workload) -> Measurement:
    """The plain loop in one process."""
    command = [sys.executable, "-m", "benchmarks.digits.loop", "--rounds", str(work.rounds)]
    command += ["--seed", str(work.seed), "--threads", str(SITE_THREADS)]
    start = time.perf_counter()
    with children(work.folder / "loop", environment(work.folder)) as group:
        child = group.start("loop", command)
        child.wait(LIMIT)
        total = time.perf_counter() - start
        printed = json.loads(child.log.read_text())
    accuracies = tuple(printed["accuracies"])
    return Measurement("plain PyTorch loop", printed["seconds"], total, accuracies)


def simulate(work: Workload, workers: int) -> Measurement:
    """`nbfed simulate` without baselines."""
    folder = work.folder / f"simulate-{workers}"
    run = folder / "run"
    command = nbfed("simulate", HERE / "digits.ipynb", "--rounds", work.rounds)
    command += ["--seed", str(work.seed), "--workers", str(workers), "--baselines", "none"]
    command += ["--run-dir", str(run), "--out", str(folder / "dist")]
    start = time.perf_counter()
    with children(folder, environment(folder)) as group:
        group.start("simulate", command).wait(LIMIT)
    name = f"nbfed simulate, {workers} worker{'s' if workers > 1 else ''}"
    return _measurement(name, start, run)


def federation(work: Workload, made: Path) -> Measurement:
    """`nbfed run-server` and a `nbfed run-client` for each site."""
    folder = work.folder / "federation"
    run = folder / "run"
    command = nbfed("run-server", "--build", made, "--address", "127.0.0.1:0", "--json")
    command += ["--rounds", str(work.rounds), "--seed", str(work.seed), "--run-dir", str(run)]
    start = time.perf_counter()
    with children(folder, environment(folder)) as group:
        server = group.start("server", command)
        address = _listening(server.log, group)
        sites = [
            group.start(
                site,
                nbfed("run-client", "--site", site, "--build", made, "--server", address),
            )
            for site in HOME
        ]
        for child in (server, *sites):
            child.wait(LIMIT)
    return _measurement("nbfed run-server + 3 run-client", start, run)


def stock(work: Workload, made: Path) -> Measurement:
    """The same build's Flower App on `flower-superlink` and a `flower-supernode` for each site."""
    folder = work.folder / "stock"
    run = folder / "run"
    api, *ports = free_ports(1 + len(HOME))
    start = time.perf_counter()
    with children(folder, environment(folder)) as group:
        link = [BIN / "flower-superlink", "--insecure", "--port", str(api)]
        group.start("superlink", [*link, "--disable-runtime-dependency-installation"])
        for site, port in zip(HOME, ports, strict=True):
            config = {
                "site": site,
                "DATA_FILE": str(FOLDER / f"{site}.npz"),
                "threads": SITE_THREADS,
            }
            node = [BIN / "flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{api}"]
            node += ["--port", str(port), "--node-config", _toml(config, " ")]
            group.start(site, node, FLWR_HOME=str(folder / f"flwr-{site}"))
        settings = {"rounds": work.rounds, "seed": work.seed, "run-dir": str(run)}
        submit = [BIN / "flwr", "run", made / "flower-app", "bench", "-c", _toml(settings, " ")]
        _connect(folder / "flwr", api)
        _submit(group, api, submit)
        for _ in wait_for("the end of the run", group, LIMIT):
            if outcome(read_events(run)):
                break
    return _measurement("Flower App on 3 flower-supernode", start, run)


def _measurement(engine: str, start: float, run: Path) -> Measurement:
    total = time.perf_counter() - start
    found = figures(run)
    return Measurement(engine, found.seconds, total, found.accuracies)


def _listening(log: Path, group: Children) -> str:
    for _ in wait_for("listening", group, START):
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("{") and (event := json.loads(line))["event"] == "listening":
                return str(event["address"])
    raise AssertionError("wait_for does not end without an error")


def _connect(home: Path, port: int) -> None:
    """Tell the `flwr` command where the SuperLink is."""
    home.mkdir(parents=True, exist_ok=True)
    text = f'[superlink]\ndefault = "bench"\n\n[superlink.bench]\naddress = "127.0.0.1:{port}"\n'
    (home / "config.toml").write_text(text + "insecure = true\n")


def _submit(group: Children, port: int, command: list[str | Path]) -> None:
    """Start the run on the SuperLink, once it listens."""
    for _ in wait_for("the SuperLink's listening", group, START):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
    with children(group.folder / "submit", environment(group.folder)) as one:
        one.start("flwr-run", command).wait(START)


def _toml(values: dict[str, object], between: str) -> str:
    return between.join(f"{key}={json.dumps(value)}" for key, value in values.items())
