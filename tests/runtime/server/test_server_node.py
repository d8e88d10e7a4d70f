"""The server's command as a process of its own, with a real SuperLink and sites on its API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from .conftest import SITES, Package
from .fake_grid import FakeSite
from .fleet_site import FleetSite

PATIENCE = 180


class Command:
    """`hub-server start` running, its events, and the SuperLink that it started."""

    def __init__(self, server: Package, folder: Path, *options: str) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.run_dir = folder / "run"
        command = [sys.executable, "-m", f"{server.name}.server_node", "start", "--json"]
        command += ["--address", "127.0.0.1:0", "--state", str(self.state)]
        # A busy machine may be slow to start a process: nothing here ends by its deadline.
        command += ["--join-timeout", "600", "--round-timeout", "600"]
        command += ["--run-dir", str(self.run_dir), *options]
        environment = {**os.environ, "PYTHONPATH": str(server.project)}
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def until(self, name: str) -> dict[str, Any]:
        """Read events up to the first of this name."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(f"no {name}: {self.process.communicate(timeout=PATIENCE)}")

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and standard error."""
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors

    def children(self) -> list[int]:
        # Linux lists them by the thread that started them.
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for thread in threads for pid in thread.read_text().split()]

    def child(self, name: str) -> int:
        """The process of the SuperLink, or of the gateway."""
        (pid,) = (
            pid
            for pid in self.children()
            if f"{name}_child.py" in Path(f"/proc/{pid}/cmdline").read_text()
        )
        return pid

    def admit(self, server: Package, *sites: str) -> list[Any]:
        """Let sites in with new keys; return the key pairs."""
        keys = [ec.generate_private_key(ec.SECP384R1()) for _ in sites]
        for site, key in zip(sites, keys, strict=True):
            line = server.site_keys.openssh_line(key.public_key())
            server.admission.admit_key(site, line, self.state)
        return [(key, key.public_key()) for key in keys]

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = (self.run_dir / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


Start = Callable[..., Command]


@pytest.fixture
def start(server: Package, tmp_path: Path) -> Iterator[Start]:
    commands: list[Command] = []

    def made(*options: str) -> Command:
        commands.append(Command(server, tmp_path, *options))
        return commands[-1]

    yield made
    for command in commands:
        if command.process.poll() is None:
            command.process.kill()
            command.process.communicate(timeout=PATIENCE)


def gone(pid: int) -> bool:
    """Say whether the process ends, or is only waiting to be reaped, within our patience."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_federation_from_start_to_finish(
    server: Package, start: Start, flower_home: None
) -> None:
    command = start("--rounds", "2", "--param", "HIDDEN=3", "--seed", "11")
    listening = command.until("listening")
    children = command.children()
    digest = server.settings.CLIENT_DIGEST
    sites = [FakeSite(name, digest, examples=10 * n) for n, name in enumerate(SITES, 1)]
    threads = [
        FleetSite(listening["address"], Path(listening["ca"]), site, pair)
        for site, pair in zip(sites, command.admit(server, *SITES), strict=True)
    ]
    for thread in threads:
        thread.start()
    code, errors = command.end()
    assert (code, errors) == (0, "")
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert len(children) == 2 and all(map(gone, children))
    finished = command.events[-1]
    assert finished["outcome"] == "finished" and finished["rounds_done"] == 2
    assert [e["round"] for e in command.events if e["event"] == "evaluated"] == [0, 1, 2]
    model = server.exchange.load(command.run_dir / "model.safetensors")
    assert tuple(model["0.weight"].shape) == (3, 2)
    # Every site adds 1 a round: the average does too.
    config = {"params": '{"HIDDEN": 3}', "seed": 11}
    initial = server.initial.initial_arrays(server.settings.Settings.from_run_config(config))
    change = model["0.weight"].numpy() - initial["0.weight"].numpy()
    assert abs(change - 2.0).max() < 1e-5


def test_ctrl_c_while_sites_are_waited_for(start: Start) -> None:
    command = start()
    command.until("waiting")
    children = command.children()
    command.process.send_signal(signal.SIGINT)
    code, errors = command.end()
    assert (code, errors) == (130, "hub-server: interrupted\n")
    assert len(children) == 2 and all(map(gone, children))
    assert command.events[-1]["outcome"] == "stopped"


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_the_superlink_starts(start: Start, signal_number: int) -> None:
    command = start()
    deadline = time.monotonic() + PATIENCE
    while not command.children():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (child,) = command.children()
    command.process.send_signal(signal_number)
    code, errors = command.end()
    assert (code, errors) == (130, "hub-server: interrupted\n")
    assert gone(child)


def test_what_it_started_ends_when_the_server_is_killed(start: Start) -> None:
    command = start()
    command.until("waiting")
    children = command.children()
    command.process.kill()
    assert len(children) == 2 and all(map(gone, children))


def test_a_superlink_that_is_killed_ends_the_run_with_the_reason(start: Start) -> None:
    command = start()
    command.until("waiting")
    os.kill(command.child("superlink"), signal.SIGKILL)
    code, errors = command.end()
    assert code == 4 and errors.count("\n") == 1
    assert "the SuperLink does not answer any more" in errors
    assert command.events[-1]["outcome"] == "aborted"


def test_sites_that_do_not_come(start: Start) -> None:
    code, errors = start("--join-timeout", "0.5", "--sites", "north,south").end()
    assert code == 4 and errors.count("\n") == 1
    assert "0 of the 2 sites needed" in errors and "missing: north, south" in errors


def test_a_port_in_use(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, errors = start("--address", f"127.0.0.1:{port}").end()
    assert code == 4 and errors.count("\n") == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in errors and "--address" in errors


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (("--address", "192.0.2.1:9092"), 4, "port 9092 on 192.0.2.1 cannot be used"),
        (("--address", "no.such.host.invalid:9092"), 4, "no address of this machine"),
        (("--address", "9092"), 4, "no address"),
        (("--rounds", "0"), 1, "rounds is 0, but should be at least 1"),
        (("--min-sites", "9"), 1, "only 3 sites are expected"),
        (("--param", "HIDEN=4"), 1, "did you mean HIDDEN?"),
        (("--param", "HIDDEN=many"), 1, "HIDDEN"),
    ],
)
def test_a_setting_that_cannot_be_used(
    start: Start, options: tuple[str, str], code: int, text: str
) -> None:
    command = start(*options)
    assert command.process.returncode is None
    ended, errors = command.end()
    assert ended == code and errors.count("\n") == 1 and text in errors


def test_two_servers_do_not_share_a_state(start: Start) -> None:
    first = start()
    # It has the state's lock before it listens, and keeps it as long as it waits for sites.
    first.until("listening")
    code, errors = start("--run-dir", str(first.folder / "other")).end()
    assert code == 4 and "another server is using" in errors and errors.count("\n") == 1
    first.process.send_signal(signal.SIGINT)
    assert first.end()[0] == 130


def test_help_shows_an_example(server: Package) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", f"{server.name}.server_node", "start", "--help"],
        env={**os.environ, "PYTHONPATH": str(server.project)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "hub-server start --rounds 5" in shown.stdout
    assert "site" in shown.stdout and "130 interrupted" in shown.stdout
