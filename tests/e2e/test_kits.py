"""From the notebook to a federation of machines that have nothing but their kits.

Each folder here is a machine: the coordinator's has nbfed, the server's and the hospitals' have
what was in their zip, installed without any index.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.command import ROOT, nbfed
from tests.e2e.study import CELLS, FEDERATION, rows, write_study

SITES = ("north", "south")
STATE = ".study-client"
# The label is the last column, however many there are: what a contract has to notice.
STUDY = tuple(cell.replace(", :2]", ", :-1]").replace(", 2]", ", -1]") for cell in CELLS)
# Generous: two installations of torch, on a machine that others use too.
SECONDS = 900
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Machine:
    """A folder with an unpacked kit, and the commands of the environment that it was given."""

    folder: Path
    command: Path

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """Run the kit's command to its end; return all that it said."""
        done = subprocess.run(
            [str(part) for part in (self.command, *arguments)],
            cwd=self.folder,
            env=variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def start(self, stack: ExitStack, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start the kit's command; it is gone at the end of the stack in any case."""
        process = subprocess.Popen(
            [str(part) for part in (self.command, *arguments)],
            cwd=self.folder,
            env=variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        stack.callback(end, process)
        return process

    def has(self, module: str) -> bool:
        """Say whether a module can be imported in the kit's environment."""
        python = self.command.with_name("python")
        command = [str(python), "-P", "-c", f"import {module}"]
        done = subprocess.run(command, capture_output=True, check=False, env=variables())
        return done.returncode == 0


@dataclass(frozen=True)
class World:
    """The machines, and what the coordinator tells people by telephone."""

    coordinator: Path
    server: Machine
    north: Machine
    south: Machine
    address: str
    signer: str


def variables() -> dict[str, str]:
    """This process's variables, without what would lead to packages outside the kits."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and not name.startswith("PIP_")
    }
    # The interpreter that runs the tests is the machines' Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    # Byte code of what is never imported takes longer than all else here.
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_COMPILE": "1"}
    return {**kept, **pip, "PATH": path, "OMP_NUM_THREADS": "1"}


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unpack(kit: Path, folder: Path) -> Path:
    """Unpack as `unzip` does, with the permissions that the zip holds."""
    with zipfile.ZipFile(kit) as archive:
        archive.extractall(folder)
        for entry in archive.infolist():
            (folder / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
    return folder / f"study-{kit.stem}"


def looked_at(folder: Path) -> list[str]:
    """Run what the kit's README gives for the time before anything is installed."""
    block = (folder / "README.md").read_text().partition("```sh\n")[2].partition("```")[0]
    assert "openssl" in block
    done = subprocess.run(
        ["sh", "-c", block], cwd=folder, capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).splitlines()


def install(folder: Path) -> Path:
    """Run the command that the kit's README gives; return the environment's folder of commands."""
    (command,) = (
        line
        for line in (folder / "README.md").read_text().splitlines()
        if line.startswith(f"python{PYTHON} -m venv")
    )
    assert "--no-index" in command
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=variables(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / ".venv" / "bin"


def bundle(coordinator: Path, *arguments: str | Path) -> str:
    """Make kits; return the fingerprint of the key that signed them."""
    done = nbfed("bundle", *arguments, "--json", cwd=coordinator)
    assert done.code == 0, done.err
    signer: str = json.loads(done.out)["signer"]
    return signer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> World:
    home = tmp_path_factory.mktemp("world")
    # Gigabytes, which nobody looks at afterwards.
    request.addfinalizer(partial(shutil.rmtree, home))
    coordinator = home / "coordinator"
    head = FEDERATION.partition("sites:")[0].replace("120", str(SECONDS))
    federation = f"{head}sites:\n  north: {{params: {{DATA_FILE: north.csv}}}}\n"
    notebook = write_study(coordinator / "study", STUDY, federation)
    done = nbfed("contract", notebook, "--site", "north", cwd=coordinator)
    assert done.code == 0, done.err
    address = f"127.0.0.1:{free_port()}"
    offline = ("--offline", "--python", PYTHON, "--constraint", ROOT / "constraints.txt")
    signer = bundle(coordinator, "study/study.ipynb", "--address", address, *offline)
    # A hospital that comes later, and that has the packages already.
    assert bundle(coordinator, "--address", address, "--add-site", "south") == signer
    folders = {}
    for kit in ("server", *SITES):
        folders[kit] = unpack(coordinator / "kits" / f"{kit}.zip", home / kit)
        assert looked_at(folders[kit]) == [signer, "Signature Verified Successfully"]
    shutil.rmtree(coordinator / "kits")
    server, client = install(folders["server"]), install(folders["north"])
    return World(
        coordinator,
        Machine(folders["server"], server / "study-server"),
        Machine(folders["north"], client / "study-client"),
        Machine(folders["south"], client / "study-client"),
        address,
        signer,
    )


def fill_in(machine: Machine, site: str) -> None:
    """What a hospital does: its data are somewhere, and site.yaml says where."""
    data = machine.folder.parent / "patients.csv"
    data.write_text(rows(site))
    file = machine.folder / "site.yaml"
    text = file.read_text()
    assert f"site: {site}\n" in text and text.count("  DATA_FILE:") == 1
    file.write_text(text.replace("  DATA_FILE:", f"  DATA_FILE: {data}"))


def refuses_other_data(machine: Machine) -> None:
    """See data with a column too many refused, by this site itself, before the server is asked."""
    data = machine.folder.parent / "patients.csv"
    right = data.read_text()
    data.write_text(right.replace("\n", ",0\n"))
    wrong = "train_loader.batch[0] has the shape (*, 3), not (*, 2)"
    assert wrong in machine.run("check", code=1)
    assert wrong in machine.run("start", code=1)
    data.write_text(right)


def events(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]


def await_event(
    run: Path,
    process: subprocess.Popen[str],
    wanted: Callable[[dict[str, object]], bool] = lambda _: True,
) -> None:
    """Wait for an event of a run; its first one is written after the port is open for sites."""
    deadline = time.monotonic() + SECONDS
    while not (run / "events.jsonl").exists() or not any(map(wanted, events(run))):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.2)


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    return said


def test_neither_environment_has_nbfed_or_the_others_package(world: World) -> None:
    assert world.server.has("study_server") and world.north.has("study_client")
    for module in ("nbfed", "study_client"):
        assert not world.server.has(module)
    for module in ("nbfed", "study_server"):
        assert not world.north.has(module)


def test_a_federation_by_kits_alone(world: World) -> None:
    server, north, south = world.server, world.north, world.south
    state = ("--state", "state")
    for site, machine in zip(SITES, (north, south), strict=True):
        fill_in(machine, site)
        assert "all is well" in machine.run("verify", "--signer", world.signer)
        assert "accuracy" in machine.run("review")
        said = machine.run("start", code=1)
        assert "nobody has approved this package" in said
        machine.run("approve", "--signer", world.signer, "--by", "Dr. Test")
        said = machine.run("enroll")
        request = json.loads((machine.folder / "request.json").read_bytes())
        assert request["fingerprint"] in said
        said = server.run("admit", machine.folder / "request.json", *state)
        assert f"{site} is admitted with the key {request['fingerprint']}" in said
    run = server.folder / "run"
    listening = ("--address", world.address, "--run-dir", run)
    with ExitStack() as stack:
        arguments = ("start", *state, *listening, "--rounds", "3", "--sites", ",".join(SITES))
        process = server.start(stack, *arguments)
        await_event(run, process)
        refuses_other_data(south)
        for machine in (north, south):
            said = machine.run("check")
            assert "the data are what contract.json says" in said and "all is well" in said
            assert machine.run("dry-run")
        hospitals = [machine.start(stack, "start") for machine in (north, south)]
        for each in (process, *hospitals):
            finished(each)
    happened = events(run)
    assert [each["round"] for each in happened if each["event"] == "round-finished"] == [1, 2, 3]
    assert {each["site"] for each in happened if each["event"] == "site-joined"} == set(SITES)
    assert (run / "model.safetensors").stat().st_size > 0

    # What was wrong with the data at first has not left the site.
    assert "shape" not in (run / "events.jsonl").read_text()
    assert "batch[0] has the shape" in (south.folder / STATE / "south" / "site.log").read_text()

    run = server.folder / "again"
    listening = ("--address", world.address, "--run-dir", run)
    with ExitStack() as stack:
        # More rounds than anybody waits for: the one who is revoked is in the middle of them.
        arguments = ("start", *state, *listening, "--rounds", "100000", "--min-sites", "1")
        process = server.start(stack, *arguments, "--sites", ",".join(SITES))
        await_event(run, process)
        remains, leaves = (m.start(stack, "start", "--patience", "10") for m in (north, south))
        await_event(run, process, lambda event: event["event"] == "round-finished")
        assert "south is shut out" in server.run("revoke", "south", *state)
        await_event(run, process, lambda event: event.get("missing") == ["south"])
        said, _ = leaves.communicate(timeout=SECONDS)
        assert leaves.returncode == 4 and "is not admitted there" in said
        # No round has waited for a site that cannot come back.
        await_event(run, process, lambda event: event.get("sites") == ["north"])
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 130
        said, _ = remains.communicate(timeout=SECONDS)
        assert remains.returncode == 4 and "no server at" in said

    audited = json.loads(north.run("audit", "--json"))
    assert audited["whole"]
    happened_there = {entry["event"] for entry in audited["entries"]}
    assert {"enrolled", "approved", "started", "answered", "ended"} <= happened_there
    log = north.folder / STATE / "north" / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b"Dr. Test", b"Dr. Else", 1))
    north.run("audit", code=1)
