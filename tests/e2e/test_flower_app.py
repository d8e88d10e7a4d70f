"""The build's Flower App on Flower's own processes: the same bytes as `nbfed simulate`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from nbfed.threads import threads_for
from tests.e2e.command import ROOT, environment, nbfed

BIN = Path(sys.executable).parent
SITES = ("cleveland", "va")
SECONDS = 600
# Ray gives its own processes half a minute to start, which a busy machine may not keep.
ATTEMPTS = 4
FEDERATION = """\
name: heart
notebook: heart.ipynb
rounds: 2
seed: 42
params: {EPOCHS: 1}
sites:
"""


class Flower:
    """Processes of Flower's in one folder; all of them have ended when it is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / "run"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *command: str, **variables: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as output:
            process = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                cwd=self.folder,
                env=self.environment(name, **variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)

    def environment(self, name: str, **variables: str) -> dict[str, str]:
        # How many threads torch takes is what the nodes are told, and nothing else.
        inherited = {k: v for k, v in environment().items() if k != "OMP_NUM_THREADS"}
        return {
            **inherited,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "FLWR_HOME": str(self.folder / f"flwr-{name}"),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_agent_register_timeout_ms": "120000",
            **variables,
        }

    def superlink(self, *options: str, **variables: str) -> None:
        command = ("flower-superlink", "--insecure", "--port", str(self.port), *options)
        self.start("superlink", *command, "--disable-runtime-dependency-installation", **variables)
        self.until(self.listens)

    def listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def submit(self, app: Path, *options: str) -> None:
        """What a person types: `flwr run APP here`."""
        home = self.folder / "flwr-user"
        home.mkdir(exist_ok=True)
        (home / "config.toml").write_text(
            '[superlink]\ndefault = "here"\n\n[superlink.here]\n'
            f'address = "127.0.0.1:{self.port}"\ninsecure = true\n'
        )
        done = subprocess.run(
            [str(BIN / "flwr"), "run", str(app), "here", "-c", f'run-dir="{self.run}"', *options],
            cwd=self.folder,
            env=self.environment("user"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def until(self, holds: Any) -> None:
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end, self.logs()
            assert all(process.poll() is None for process in self._started), self.logs()
            time.sleep(0.2)

    def finished(self) -> bool:
        return any(event["event"] == "run-finished" for event in events(self.run))

    def logs(self) -> str:
        logs = [f"--- {p.name}\n{p.read_text()[-4000:]}" for p in self.folder.glob("*.log")]
        return "\n".join([*logs, *map(str, events(self.run))])

    def close(self) -> None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for process in reversed(self._started):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, sign)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(20)


def events(run: Path) -> list[dict[str, Any]]:
    file = run / "events.jsonl"
    lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def metrics(run: Path) -> list[Any]:
    """Every site's metrics of the weights of every round."""
    told = [event for event in events(run) if event["event"] == "evaluated"]
    return [
        (event["round"], {site: of["metrics"] for site, of in event["sites"].items()})
        for event in told
    ]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The heart notebook with two of its hospitals, built and simulated."""
    folder = tmp_path_factory.mktemp("heart")
    shutil.copytree(ROOT / "examples" / "heart-disease", folder / "heart")
    listed = "".join(f"  {site}: {{params: {{DATA_FILE: data/{site}.csv}}}}\n" for site in SITES)
    (folder / "heart" / "federation.yaml").write_text(FEDERATION + listed)
    command = ("simulate", "heart/heart.ipynb", "--baselines", "none", "--run-dir", "simulated")
    done = nbfed(*command, cwd=folder)
    assert done.code == 0, done.err
    assert len(metrics(folder / "simulated")) == 3
    return folder


@pytest.fixture
def flower(tmp_path: Path) -> Iterator[Flower]:
    made = Flower(tmp_path)
    yield made
    made.close()


def log_says(log: Path, words: str, times: int) -> bool:
    return log.read_text().count(words) >= times


def weights(run: Path) -> dict[str, bytes]:
    """The bytes of the weights of every round."""
    files = sorted((run / "checkpoints").glob("*.safetensors"))
    return {
        f"{file.name} {name}": tensor.numpy().tobytes()
        for file in files
        for name, tensor in load_file(file).items()
    }


def values(study: Path, sites: Sequence[str] = SITES) -> dict[str, dict[str, Any]]:
    """What the nodes are told; bytes are the same only where torch has as many threads."""
    return {
        site: {
            "DATA_FILE": str(study / f"heart/data/{site}.csv"),
            "torch-threads": threads_for(len(sites)),
        }
        for site in sites
    }


def test_stock_supernodes_give_the_same_bytes(study: Path, flower: Flower) -> None:
    flower.superlink()
    for site, its in values(study).items():
        told = {"site": site, **its}
        config = " ".join(f"{key}={json.dumps(value)}" for key, value in told.items())
        command = ("flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{flower.port}")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = str(probe.getsockname()[1])
        flower.start(site, *command, "--port", port, "--node-config", config)
    flower.submit(study / "dist" / "heart" / "flower-app")
    flower.until(flower.finished)
    assert events(flower.run)[-1]["outcome"] == "finished", flower.logs()
    assert metrics(flower.run) == metrics(study / "simulated")
    assert weights(flower.run) == weights(study / "simulated") != {}


def test_flowers_simulation_gives_the_same_bytes(study: Path, flower: Flower) -> None:
    # The test extra installs ray: without it, this fails.
    file = flower.folder / "sites.json"
    file.write_text(json.dumps(values(study)))
    flower.superlink("--simulation", HEART_SITES=str(file))
    nodes = "num-supernodes=2 client-resources-num-cpus=1 init-args-num-cpus=2"
    log = flower.folder / "superlink.log"
    for attempt in range(1, ATTEMPTS + 1):
        flower.run = flower.folder / f"run-{attempt}"
        flower.submit(study / "dist" / "heart" / "flower-app", "--federation-config", nodes)
        ended = partial(log_says, log, "Finished task", attempt)
        flower.until(lambda ended=ended: flower.finished() or ended())
        if flower.finished():
            break
    assert events(flower.run)[-1]["outcome"] == "finished", flower.logs()
    assert metrics(flower.run) == metrics(study / "simulated")
    assert weights(flower.run) == weights(study / "simulated") != {}
