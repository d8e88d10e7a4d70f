"""A federation of processes in which things go wrong on demand, and what becomes of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from tests.e2e.command import ROOT, alive, environment, nbfed
from tests.e2e.study import CELLS, write_study

SECONDS = 240
NAME = "Erika Mustermann"

# A process that runs this first writes down all that it sends.
TAP = """\
import os

import httpx

send = httpx.HTTPTransport.handle_request


def tapped(self, request):
    with open(os.environ["TAP"], "ab") as file:
        file.write(repr((str(request.url), request.headers.raw)).encode() + request.read())
    return send(self, request)


httpx.HTTPTransport.handle_request = tapped
"""

# Each round of training takes the next word of the site's file of faults.
TRAIN = """\
# nbfed: train metrics=train_loss
with open(FAULTS) as stream:
    fault, *others = stream.read().split() or ["none"]
with open(FAULTS, "w") as stream:
    stream.write(" ".join(others))
if fault.startswith("sleep:"):
    time.sleep(float(fault.removeprefix("sleep:")))
if fault == "raise":
    age = float(notes[0])
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
train_loss = 0.0
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y)
    loss.backward()
    optimizer.step()
    train_loss = loss.item()
if fault == "nan":
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
if fault == "shape":
    model[0] = nn.Linear(2, 7)
if fault == "huge":
    train_loss = 1e308
if fault == "unknown":
    train_loss = float("nan")"""

DATA = """\
# nbfed: data
with open(DATA_FILE) as stream:
    records = [row for row in csv.reader(stream)]
notes = [row[3] for row in records]
table = torch.tensor([[float(value) for value in row[:3]] for row in records])
cut = len(table) * 3 // 4
train = TensorDataset(table[:cut, :2], table[:cut, 2])
train_loader = DataLoader(train, BATCH, shuffle=cut > 0)
test_loader = DataLoader(TensorDataset(table[cut:, :2], table[cut:, 2]), BATCH)"""

FEDERATION = """\
name: study
notebook: study.ipynb
seed: 7
join_timeout: 200
round_timeout: 200
"""


def write_faulty_study(
    folder: Path, sites: Sequence[str], settings: str = "", *, train: str = TRAIN
) -> None:
    """Write the study with these sites, and build it into ``folder/dist``."""
    cells = list(CELLS)
    cells[0] = cells[0].replace("import csv", "import csv\nimport time")
    # Wide enough that a checkpoint is larger than all else that a server writes.
    cells[1] = "# nbfed: params\nLR = 0.1\nBATCH = 8\nWIDTH = 8000"
    cells[2] = "# nbfed: site\nDATA_FILE = 'north.csv'\nFAULTS = 'north.txt'"
    cells[3] = DATA
    cells[4] = cells[4].replace("(2, 4)", "(2, WIDTH)").replace("(4, 1)", "(WIDTH, 1)")
    cells[5] = train
    listed = "".join(
        f"  {site}: {{params: {{DATA_FILE: {site}.csv, FAULTS: {site}.txt}}}}\n" for site in sites
    )
    write_study(folder / "study", cells, f"{FEDERATION}{settings}sites:\n{listed}")
    for site in sites:
        rows = (folder / "study" / f"{site}.csv").read_text().splitlines()
        text = "".join(f"{row},{NAME}\n" for row in rows)
        (folder / "study" / f"{site}.csv").write_text(text)
        (folder / "study" / f"{site}.txt").write_text("")
    done = nbfed("build", "study/study.ipynb", cwd=folder)
    assert done.code == 0, done.err


class Federation:
    """The processes of one federation; ``close`` ends them, and asserts that none is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / "run"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        # Every process of this federation, and each of its children, has this in its environment.
        self._mark = uuid.uuid4().hex
        # What starts a process elsewhere, as in `ip netns exec NAME`, by the name of its log.
        self.elsewhere: dict[str, tuple[str, ...]] = {}
        self._started: list[subprocess.Popen[bytes]] = []

    def faults(self, site: str, words: str) -> None:
        (self.folder / "study" / f"{site}.txt").write_text(words)

    def faults_left(self, site: str) -> list[str]:
        return (self.folder / "study" / f"{site}.txt").read_text().split()

    def server(self, *options: str) -> subprocess.Popen[bytes]:
        where = () if "--resume" in options else ("--run-dir", "run")
        return self._start("server", "run-server", "--address", self.address, *where, *options)

    def site(self, name: str, *options: str, **variables: str) -> subprocess.Popen[bytes]:
        command = ("run-client", "--site", name, "--server", self.address)
        return self._start(name, *command, *options, **variables)

    def running_first(self, code: str) -> str:
        """Return a PYTHONPATH with which a process runs ``code`` before all else."""
        folder = self.folder / "first"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(code)
        return f"{folder}{os.pathsep}{ROOT}"

    def simulation(self, *options: str) -> subprocess.Popen[bytes]:
        command = ("simulate", "study/study.ipynb", "--run-dir", "run")
        return self._start("server", *command, *options)

    def _start(self, log: str, *command: str, **variables: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{log}.log").open("ab") as output:
            process = subprocess.Popen(
                [*self.elsewhere.get(log, ()), sys.executable, "-m", "nbfed", *command],
                cwd=self.folder,
                env={**environment(), "FAULTS_MARK": self._mark, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._started.append(process)
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The run's events; a constant that is no JSON (NaN, Infinity) fails the test."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is no JSON")

        file = self.run / "events.jsonl"
        lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
        whole = [line for line in lines if line.endswith(b"\n")]
        return [json.loads(line, parse_constant=refuse) for line in whole]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds; a process that ended badly fails the test at once."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end, self._report("waited for too long")
            time.sleep(0.05)

    def ends(self, *processes: subprocess.Popen[bytes]) -> list[int]:
        """Wait for processes to end; return their exit codes."""
        try:
            return [process.wait(SECONDS) for process in processes]
        except subprocess.TimeoutExpired:
            raise AssertionError(self._report("a process does not end")) from None

    def marked(self) -> set[int]:
        """The processes of this federation that run."""
        found = set()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (entry / "environ").read_bytes():
                    found.add(int(entry.name))
            except OSError:
                continue
        return {pid for pid in found if alive(pid)}

    def close(self) -> None:
        running = [process for process in self._started if process.poll() is None]
        for process in running:
            process.kill()
            process.wait(SECONDS)
        # A SuperLink sees that its server is gone, and ends by itself.
        self.until(lambda: not self.marked())

    def _report(self, what: str) -> str:
        logs = "\n".join(f"--- {p.name}\n{p.read_text()}" for p in self.folder.glob("*.log"))
        return f"{what}\n{logs}\n{self.events[-8:]}"


Start = Callable[[Path], Federation]


def same(run: Path, weights: dict[str, np.ndarray]) -> bool:
    """Whether the run's model has these weights, to the bit."""
    found = load_file(run / "model.safetensors")
    return all(np.array_equal(found[name], array) for name, array in weights.items())


def superlink_of(process: subprocess.Popen[bytes]) -> int:
    """The SuperLink among a server's children."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    (found,) = [
        int(pid)
        for pid in text.split()
        if b"superlink_child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return found


def output_of(pid: int) -> str:
    """Where a process writes what it prints."""
    return os.readlink(f"/proc/{pid}/fd/1")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
