"""``nbfed run-server`` and ``nbfed run-client``: a federation of processes on this machine."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.e2e.command import alive, descendants, finish, interrupt, nbfed, started
from tests.e2e.study import SITES, SIZED, write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The folder that the commands run in; the study is built."""
    write_study(tmp_path / "study", SIZED)
    assert nbfed("build", "study/study.ipynb", cwd=tmp_path).code == 0
    return tmp_path


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Ends at the test's end what was started in it."""
    with ExitStack() as stack:
        yield stack


def listening(server: subprocess.Popen[str]) -> str:
    """The address of a server, once it says so."""
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith("listening on "):
            return line.removeprefix("listening on ").strip()
    raise AssertionError(f"the server ended: {finish(server)}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_federation_gives_what_a_simulation_gives(study: Path, processes: ExitStack) -> None:
    start = ("run-server", "--address", "127.0.0.1:0", "--run-dir", "federation")
    server = processes.enter_context(started(*start, cwd=study))
    address = listening(server)
    clients = [
        processes.enter_context(
            started("run-client", "--site", site, "--server", address, cwd=study)
        )
        for site in SITES
    ]
    ended = [finish(process) for process in (server, *clients)]
    assert [done.code for done in ended] == [0, 0, 0, 0], ended
    assert (study / "federation" / "report.html").is_file()
    # Who runs run-client approves what it runs, and the site's log says so.
    log = study / ".nbfed/study/sites" / SITES[0] / "audit.jsonl"
    first = json.loads(log.read_text().splitlines()[0])
    assert first["event"] == "approved" and first["by"].startswith("run-client, ")

    simulated = nbfed("simulate", "study/study.ipynb", "--run-dir", "simulation", cwd=study)
    assert simulated.code == 0, simulated.err
    one = load_file(study / "federation" / "model.safetensors")
    other = load_file(study / "simulation" / "model.safetensors")
    assert one.keys() == other.keys()
    for name, weights in one.items():
        assert weights == pytest.approx(other[name], abs=1e-6), name


def test_ctrl_c_at_the_server_ends_everything_that_it_started(
    study: Path, processes: ExitStack
) -> None:
    server = processes.enter_context(started("run-server", "--address", "127.0.0.1:0", cwd=study))
    listening(server)
    children = descendants(server.pid)
    assert children
    done = interrupt(server)
    assert done.code == 130
    assert "Traceback" not in done.err
    assert [pid for pid in children if alive(pid)] == []


def test_ctrl_c_at_a_site_that_waits_for_its_run(study: Path, processes: ExitStack) -> None:
    server = processes.enter_context(started("run-server", "--address", "127.0.0.1:0", cwd=study))
    address = listening(server)
    client = processes.enter_context(
        started("run-client", "--site", "west", "--server", address, cwd=study)
    )
    assert client.stderr is not None
    for line in client.stderr:
        if "connected" in line:
            break
    children = descendants(client.pid)
    done = interrupt(client)
    assert done.code == 130
    assert "Traceback" not in done.err
    assert [pid for pid in children if alive(pid)] == []


def test_a_site_may_be_started_before_its_server(study: Path, processes: ExitStack) -> None:
    address = f"127.0.0.1:{free_port()}"
    client = processes.enter_context(
        started("run-client", "--site", "west", "--server", address, cwd=study)
    )
    processes.enter_context(started("run-server", "--address", address, cwd=study))
    assert client.stderr is not None
    said = ""
    for line in client.stderr:
        said += line
        if "connected" in line:
            break
    assert "connected" in said
    assert interrupt(client).code == 130


def test_a_port_in_use(study: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = nbfed("run-server", "--address", f"127.0.0.1:{port}", cwd=study)
    assert done.code == 4
    (line,) = done.err.splitlines()
    assert f"port {port} on 127.0.0.1 cannot be used" in line
    assert "choose another with --address" in line
    assert not list((study / "runs").glob("*"))


def test_no_server_has_ever_been_started_here(study: Path) -> None:
    done = nbfed("run-client", "--site", "west", "--patience", "0", cwd=study)
    assert done.code == 4
    waiting, error = done.err.splitlines()[:2]
    assert waiting == "waiting for run-server to make .nbfed/study/pki/ca.pem"
    assert error == "error: there is no certificate .nbfed/study/pki/ca.pem"


def test_a_server_that_is_not_there(study: Path, processes: ExitStack) -> None:
    server = processes.enter_context(started("run-server", "--address", "127.0.0.1:0", cwd=study))
    listening(server)
    interrupt(server)  # which leaves its certificate behind
    address = f"127.0.0.1:{free_port()}"
    done = nbfed("run-client", "--site", "west", "--server", address, "--patience", "1", cwd=study)
    assert done.code == 4
    last = done.err.splitlines()[-1]
    assert f"no server at {address} within 1 s" in last and "ask the coordinator if it" in last
    assert "Traceback" not in done.err


def test_a_missing_data_file(study: Path, processes: ExitStack) -> None:
    (study / "study" / "west.csv").unlink()
    server = processes.enter_context(started("run-server", "--address", "127.0.0.1:0", cwd=study))
    address = listening(server)
    done = nbfed("run-client", "--site", "west", "--server", address, cwd=study)
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert "west.csv" in line
    # The value stands there, not in a site.yaml.
    assert line.endswith(f"correct it in {study / 'study' / 'federation.yaml'}")
