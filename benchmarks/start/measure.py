"""When a server and its sites are ready, and what they did until then."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engines import START, Study, environment, listening, nbfed
from benchmarks.events import finished, when
from benchmarks.memory import child_named
from benchmarks.processes import Child, Children, children, free_ports, wait_for

CONNECTED = "connected to"
PACKAGES = ("torch", "flwr", "numpy", "google", "cryptography", "httpx", "sqlalchemy")
OTHERS = "others"

# "import time:      self [us] |  cumulative | name", the name indented by its depth
_IMPORT = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)$", re.MULTILINE)
_MICRO = 1e-6


@dataclass(frozen=True)
class Start:
    """Seconds from a command on: to the server's steps, and to a site's being connected."""

    server: dict[str, float]
    site: float


def one_by_one(study: Study, made: Path, number: int) -> Start:
    """Start the server, and one site when it listens."""
    folder = study.folder / f"one-by-one-{number}"
    with children(folder, environment(folder)) as group:
        server, begun = _timed(group, "server", _serving(study, made, folder / "run"))
        steps: dict[str, Callable[[], object]] = {
            "its SuperLink is started": lambda: child_named(server.pid, "superlink_child"),
            "its gateway is started": lambda: child_named(server.pid, "gateway_child"),
            "it listens": lambda: listening(server.log),
        }
        reached = {name: _until(name, done, group) - begun for name, done in steps.items()}
        name, address = next(iter(study.nodes)), listening(server.log)
        command = nbfed("run-client", "--site", name, "--build", made, "--server", address)
        site, begun = _timed(group, name, command)
        connected = _until(CONNECTED, lambda: CONNECTED in site.log.read_text(), group) - begun
    return Start(reached, connected)


def all_at_once(study: Study, made: Path, number: int) -> float:
    """Start server and sites in one go; return the seconds until the first round begins."""
    folder = study.folder / f"at-once-{number}"
    address = f"127.0.0.1:{free_ports(1)[0]}"
    began = time.time()
    with children(folder, environment(folder)) as group:
        server = group.start("server", _serving(study, made, folder / "run", address))
        for site in study.nodes:
            command = nbfed("run-client", "--site", site, "--build", made, "--server", address)
            group.start(site, command)
        server.wait(START)
    return when(finished(folder / "run"), "round-started") - began


def imports(study: Study, made: Path) -> dict[str, dict[str, float]]:
    """Return the seconds that importing packages took, of the server and of a site.

    Each package's own modules are counted, not what they import. To write them down takes time,
    too: what counts are the shares.
    """
    folder = study.folder / "imports"
    traced = environment(folder) | {"PYTHONPROFILEIMPORTTIME": "1"}
    with children(folder, traced) as group:
        server = group.start("server", _serving(study, made, folder / "run"))
        _until("listening", lambda: listening(server.log), group)
        name = next(iter(study.nodes))
        command = nbfed("run-client", "--site", name, "--build", made)
        site = group.start(name, [*command, "--server", listening(server.log)])
        _until(CONNECTED, lambda: CONNECTED in site.log.read_text(), group)
        return {
            "server": by_package(server.log.read_text()),
            "site": by_package(site.log.read_text()),
        }


def by_package(text: str) -> dict[str, float]:
    """Sum up what `python -X importtime` wrote, in seconds by package."""
    seconds: Counter[str] = Counter()
    for own, module in _IMPORT.findall(text):
        package = module.partition(".")[0]
        seconds[package if package in PACKAGES else OTHERS] += int(own) * _MICRO
    return dict(seconds.most_common())


def _serving(study: Study, made: Path, run: Path, address: str = "127.0.0.1:0") -> list[str]:
    command = nbfed("run-server", "--build", made, "--address", address, "--json")
    return [*command, "--rounds", str(study.rounds), "--run-dir", str(run)]


def _timed(group: Children, name: str, command: list[str]) -> tuple[Child, float]:
    begun = time.perf_counter()
    return group.start(name, command), begun


def _until(what: str, done: Callable[[], object], group: Children) -> float:
    """Wait until ``done`` says something; return when it did."""
    for _ in wait_for(what, group, START):
        with suppress(FileNotFoundError):
            if done():
                return time.perf_counter()
    raise AssertionError("wait_for does not end without an error")
