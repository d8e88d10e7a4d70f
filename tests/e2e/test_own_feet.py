"""The generated packages stand alone: two environments without nbfed, one federation."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.command import ROOT, nbfed
from tests.e2e.study import write_study

SITES = ("north", "south")
SECONDS = 240


class Environment:
    """A virtual environment of its own, without this test's packages."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        self.bin = folder / "bin"

    def install(self, project: Path) -> None:
        command = [self.bin / "python", "-m", "pip", "install", "--quiet"]
        command += [
            "--disable-pip-version-check",
            "--constraint",
            ROOT / "constraints.txt",
            project,
        ]
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            env=self.variables(),
        )
        assert done.returncode == 0, done.stderr

    def has(self, module: str) -> bool:
        done = subprocess.run(
            [str(self.bin / "python"), "-P", "-c", f"import {module}"],
            capture_output=True,
            check=False,
            env=self.variables(),
        )
        return done.returncode == 0

    @staticmethod
    def variables() -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**kept, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    notebook = write_study(folder)
    done = nbfed("build", notebook, "--out", folder / "dist", cwd=folder)
    assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="module")
def server(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("server") / "venv")
    environment.install(study / "dist" / "study" / "server")
    return environment


@pytest.fixture(scope="module")
def client(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("client") / "venv")
    environment.install(study / "dist" / "study" / "client")
    return environment


def start(stack: ExitStack, command: list[str | Path], cwd: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=Environment.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stack.callback(end, process)
    return process


def once(command: list[str | Path], cwd: Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=Environment.variables(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


def run_once(command: list[str | Path], cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=Environment.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_file(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_neither_environment_has_nbfed(server: Environment, client: Environment) -> None:
    assert server.has("study_server") and client.has("study_client")
    assert not server.has("nbfed") and not client.has("nbfed")
    assert not server.has("study_client") and not client.has("study_server")


def test_two_rounds_by_the_packages_own_commands(
    study: Path, server: Environment, client: Environment, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    state, run = tmp_path / "state", tmp_path / "run"
    with ExitStack() as stack:
        coordinator = start(
            stack,
            [
                *(server.bin / "study-server", "start", "--rounds", "2"),
                *("--sites", ",".join(SITES), "--address", address),
                *("--state", state, "--run-dir", run),
            ],
            tmp_path,
        )
        await_file(state / "pki" / "ca.pem", coordinator)
        hospitals = []
        for site in SITES:
            folder = tmp_path / site
            folder.mkdir()
            (folder / "site.yaml").write_text(
                f"site: {site}\nserver: {address}\nca: {state / 'pki' / 'ca.pem'}\n"
                f"params: {{DATA_FILE: {study / f'{site}.csv'}}}\n"
            )
            run_once([client.bin / "study-client", "enroll", "--site", site], folder)
            admit = [server.bin / "study-server", "admit", "request.json", "--state", state]
            said = run_once(admit, folder)
            assert said.startswith(f"{site} is admitted with the key SHA256:")
            once([client.bin / "study-client", "approve"], folder)
            command = [client.bin / "study-client", "start", "--site", site]
            hospitals.append(start(stack, [*command, "--config", "site.yaml"], folder))
        for process in (coordinator, *hospitals):
            _, errors = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, errors
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [e["round"] for e in events if e["event"] == "round-finished"] == [1, 2]
    assert {e["site"] for e in events if e["event"] == "site-joined"} == set(SITES)
    assert events[-1]["event"] == "run-finished" and events[-1]["outcome"] == "finished"
    assert (run / "model.safetensors").stat().st_size > 0
