"""A federation in this process: the generated server's rounds, and the generated client's sites."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from flwr.app import Context, Error, Message, RecordDict

from nbfed.program import Argument, Fragment, Origin, Parameter, Program, SiteKey, Stage
from nbfed.roles import Role
from tests.runtime import demo
from tests.runtime.loading import importable
from tests.runtime.server.fake_grid import FakeGrid

torch.set_num_threads(1)

IMPORTS = demo.IMPORTS
SITES = ("alpha", "beta", "gamma")
ROWS = {"alpha": 12, "beta": 20, "gamma": 28}
# How often each site goes through its data in a round.
EPOCHS = {"alpha": 2, "beta": 3, "gamma": 5}
RATE = 0.1

LINEAR = "model = nn.Linear(3, 1)"
TRAIN = """\
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(EPOCHS):
    optimizer.zero_grad()
    loss = (model(inputs) - target).square().mean()
    loss.backward()
    optimizer.step()
train_loss = loss.item()"""
LOAD = """\
table = torch.tensor(np.loadtxt(DATA_FILE, delimiter=",", dtype=np.float32))
inputs, target = table[:, :3], table[:, 3:]"""
EVALUATE = """\
model.eval()
with torch.no_grad():
    mse = (model(inputs) - target).square().mean().item()"""

Matrix = npt.NDArray[np.float64]


def program(
    *, model: str = LINEAR, train: str = TRAIN, evaluate: str = EVALUATE, **changes: Any
) -> Program:
    """Least squares by full-batch gradient descent, unless the code given says otherwise."""
    data = (Argument("inputs", Origin.DATA), Argument("target", Origin.DATA))
    own = Argument("model", Origin.MODEL)
    made = Program(
        notebook="least.ipynb",
        params=(Parameter("EPOCHS", "int", "1", 1, 1),),
        site=(SiteKey("DATA_FILE", "str", 2, 1),),
        data=Stage(
            Role.DATA,
            "load_data",
            (Argument("DATA_FILE", Origin.SITE, "str"),),
            imports=IMPORTS[:2],
            body=(Fragment(3, 1, LOAD),),
            results=("inputs", "target"),
        ),
        model=Stage(
            Role.MODEL,
            "build_model",
            imports=IMPORTS[1:3],
            body=(Fragment(4, 1, model),),
            results=("model",),
        ),
        train=Stage(
            Role.TRAIN,
            "train",
            (own, *data, Argument("EPOCHS", Origin.PARAMS, "int")),
            imports=IMPORTS[1:3],
            body=(Fragment(5, 1, train),),
            results=("train_loss",),
        ),
        evaluate=Stage(
            Role.EVALUATE,
            "evaluate",
            (own, *data),
            imports=IMPORTS[1:3],
            body=(Fragment(6, 1, evaluate),),
            results=("mse",),
        ),
        train_examples="inputs",
        evaluate_examples="inputs",
    )
    return replace(made, **changes)


def tables() -> dict[str, Matrix]:
    """Each site's rows: three inputs and a target, from a relation of its own."""
    found = {}
    for number, site in enumerate(SITES):
        draw = np.random.default_rng(number)
        inputs = draw.normal(0.5 * number, 1, (ROWS[site], 3))
        target = inputs @ draw.normal(0, 1, 3) + number + draw.normal(0, 0.1, ROWS[site])
        found[site] = np.column_stack([inputs, target]).astype(np.float32).astype(np.float64)
    return found


class RealSite:
    """A site of FakeGrid that is a generated client app. Its process can be "started again"."""

    delay = 0.0
    online_from = 0

    def __init__(self, federation: LocalFederation, name: str, **node: Any) -> None:
        self.federation = federation
        self.name = name
        self.node = {
            "site": name,
            "DATA_FILE": str(federation.folder / f"{name}.csv"),
            "param.EPOCHS": EPOCHS[name],
            **node,
        }
        self.state = RecordDict()
        self.got: list[Message] = []
        self.sent: list[RecordDict] = []

    def restart(self) -> None:
        """Forget all that was in memory."""
        self.federation.client("client_app").sites.pop(self.name, None)
        self.state = RecordDict()

    def answer(self, message: Message) -> RecordDict | Error:
        self.got.append(message)
        context = Context(
            run_id=1, node_id=2, node_config=self.node, state=self.state, run_config={}
        )
        # What arrives is a site's own, to take apart.
        arrived = copy.copy(message)
        arrived.content = RecordDict(dict(message.content))
        reply: Message = self.federation.client("client_app").app(arrived, context)
        if reply.has_error():
            return reply.error
        self.sent.append(reply.content)
        return reply.content


class LocalFederation:
    """The packages of a program, imported, and its sites."""

    def __init__(self, folder: Path, **node: Any) -> None:
        self.folder = folder
        self.sites = [RealSite(self, name, **node) for name in SITES]

    def client(self, module: str) -> ModuleType:
        return importlib.import_module(f"demo_client.{module}")

    def server(self, module: str) -> ModuleType:
        return importlib.import_module(f"demo_server.{module}")

    def settings(self, strategy: str, options: Mapping[str, Any], **config: Any) -> Any:
        return self.server("settings").Settings.from_run_config(
            {
                "rounds": 3,
                "sites": json.dumps(list(SITES)),
                "strategy": strategy,
                "strategy-options": json.dumps(options),
                "run-dir": str(self.folder / "run"),
                "poll-seconds": 0.001,
                **{key.replace("_", "-"): value for key, value in config.items()},
            }
        )

    def grid(self) -> FakeGrid:
        """Return a grid of the sites."""
        return FakeGrid(self.sites)  # type: ignore[arg-type]

    def run(self, strategy: str = "fedavg", /, *, options: Any = None, **config: Any) -> Any:
        """Run the federation; return its Outcome, whose run has to have finished."""
        settings = self.settings(strategy, options or {}, **config)
        outcome = self.server("server_app").run(self.grid(), settings)
        assert (outcome.outcome, outcome.reason) == ("finished", ""), self.failures(outcome)
        assert not self.failures(outcome)
        return outcome

    def failures(self, outcome: Any) -> list[str]:
        return [e["reason"] for e in self.events(outcome) if e["event"] == "site-failed"]

    def events(self, outcome: Any) -> list[dict[str, Any]]:
        return [*map(json.loads, (outcome.folder / "events.jsonl").read_text().splitlines())]


@contextmanager
def federation(made: Program, folder: Path, **node: Any) -> Iterator[LocalFederation]:
    """Write and import the packages of ``made``; ``node`` goes to every site's configuration."""
    demo.write_packages(made, folder)
    for site, table in tables().items():
        np.savetxt(folder / f"{site}.csv", table, delimiter=",", fmt="%.9g")
    with importable(folder / "client", folder / "server"):
        yield LocalFederation(folder, **node)
