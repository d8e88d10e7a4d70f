"""A Flower App on Flower's own processes: a SuperLink, and a SuperNode for each site.

They are set up as a federation among hospitals would be: over TLS, and with a key for each site.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engines import BIN, LIMIT, START, Ran, Study, environment
from benchmarks.events import outcome, read_events
from benchmarks.memory import Memory
from benchmarks.processes import Children, children, free_ports, wait_for
from benchmarks.relay import Relay
from benchmarks.secured import self_signed, site_key


@dataclass(frozen=True)
class App:
    """A Flower App's folder, a name for its run, and what is set besides rounds and seed."""

    folder: Path
    name: str
    settings: Mapping[str, object]


def ordinary_app(work: str, study: Study, **settings: object) -> App:
    """Return the app that one writes without nbfed, for one of its works.

    It runs Flower's own loop, which sends the weights to be trained, takes them back, and sends
    the new ones to be evaluated.
    """
    settings |= {"work": work, "sites": len(study.nodes)}
    return App(Path(__file__).parent / "ordinary_app", "ordinary", settings)


def stock(
    study: Study,
    app: App,
    *,
    memory: Memory | None = None,
    relays: dict[str, Relay] | None = None,
) -> Ran:
    """Run the app on `flower-superlink` and a `flower-supernode` for each site.

    ``memory`` watches "superlink" and every site, with all that they start. ``relays`` are filled
    with one for each site, through which it reaches the SuperLink.
    """
    folder = study.folder / app.name
    run = folder / "run"
    api, *ports = free_ports(1 + len(study.nodes))
    start = time.perf_counter()
    with ExitStack() as stack:
        group = stack.enter_context(children(folder, environment(folder)))
        certificate, key = self_signed(folder)
        link = [BIN / "flower-superlink", "--port", str(api), "--enable-supernode-auth"]
        link += ["--ssl-ca-certfile", certificate, "--ssl-certfile", certificate]
        link += ["--ssl-keyfile", key, "--disable-runtime-dependency-installation"]
        server = group.start("superlink", link)
        if memory:
            memory.follow("superlink", server.pid, tree=True)
        _connect(folder / "flwr", api, certificate)
        _wait_until_listening(group, api)
        for (site, node), port in zip(study.nodes.items(), ports, strict=True):
            private, public = site_key(folder, site)
            _flwr(group, f"register-{site}", "supernode", "register", public, "bench")
            reached = f"127.0.0.1:{api}"
            if relays is not None:
                relays[site] = stack.enter_context(Relay(reached))
                reached = relays[site].address
            config = {"site": site, "torch-threads": study.threads, **node}
            command = [BIN / "flower-supernode", "--root-certificates", certificate]
            command += ["--superlink", reached, "--auth-supernode-private-key", private]
            command += ["--port", str(port), "--node-config", _toml(config)]
            child = group.start(site, command, FLWR_HOME=str(folder / f"flwr-{site}"))
            if memory:
                memory.follow(site, child.pid, tree=True)
        values = {"rounds": study.rounds, "seed": study.seed, "run-dir": str(run), **app.settings}
        _flwr(group, "submit", "run", app.folder, "bench", "-c", _toml(values))
        for _ in wait_for("the end of the run", group, LIMIT):
            if outcome(read_events(run)):
                break
    return Ran(run, time.perf_counter() - start)


def _connect(home: Path, port: int, certificate: Path) -> None:
    """Tell the `flwr` command where the SuperLink is."""
    home.mkdir(parents=True, exist_ok=True)
    lines = ("[superlink]", 'default = "bench"', "[superlink.bench]")
    values = {"address": f"127.0.0.1:{port}", "root-certificates": str(certificate)}
    (home / "config.toml").write_text("\n".join((*lines, _toml(values, between="\n"), "")))


def _wait_until_listening(group: Children, port: int) -> None:
    for _ in wait_for("the SuperLink's listening", group, START):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return


def _flwr(group: Children, name: str, *arguments: str | Path) -> None:
    """Run the `flwr` command to its end."""
    with children(group.folder / name, environment(group.folder)) as one:
        one.start("flwr", [BIN / "flwr", *arguments]).wait(START)


def _toml(values: Mapping[str, object], between: str = " ") -> str:
    return between.join(f"{key}={json.dumps(value)}" for key, value in values.items())
