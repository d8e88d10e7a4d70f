from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from nbfed.emit.names import Names
from nbfed.emit.packages import Requirements, output_tree
from nbfed.program import Argument, Fragment, Origin, Parameter, Program, Stage
from nbfed.roles import Role

torch.set_num_threads(1)

SITES = ("alpha", "beta", "gamma")


def program(**changes: Any) -> Program:
    """A notebook with a linear model and a normalisation, as the compiler would understand it."""
    fields: dict[str, Any] = {
        "notebook": "demo.ipynb",
        "params": (
            Parameter("HIDDEN", "int", "4", 2, 1),
            Parameter("LR", "float", "0.1", 2, 2),
        ),
        "site": (),
        "data": Stage(Role.DATA, "load_data", results=("loader",)),
        "model": Stage(
            Role.MODEL,
            "build_model",
            arguments=(Argument("HIDDEN", Origin.PARAMS, "int"),),
            imports=(Fragment(1, 1, "from torch import nn"),),
            body=(
                Fragment(
                    3,
                    1,
                    "model = nn.Sequential(nn.Linear(2, HIDDEN), nn.BatchNorm1d(HIDDEN), "
                    "nn.Linear(HIDDEN, 1))",
                ),
            ),
            results=("model",),
        ),
        "train": Stage(
            Role.TRAIN,
            "train",
            arguments=(Argument("model", Origin.MODEL),),
            results=("loss",),
            body=(Fragment(4, 1, "loss = 0.0"),),
        ),
        "evaluate": Stage(
            Role.EVALUATE,
            "evaluate",
            arguments=(Argument("model", Origin.MODEL),),
            results=("accuracy",),
            body=(Fragment(5, 1, "accuracy = 1.0"),),
        ),
    }
    return Program(**{**fields, **changes})


def federation(**changes: Any) -> SimpleNamespace:
    fields: dict[str, Any] = {
        "name": "demo",
        "notebook": "demo.ipynb",
        "rounds": 2,
        "seed": 7,
        "strategy": SimpleNamespace(name="fedavg", options={}),
        "min_sites": 0,
        "join_timeout": 5.0,
        "round_timeout": 5.0,
        "evaluate_every": 1,
        "keep_checkpoints": 3,
        "best": None,
        "stop": None,
        "stop_when": "",
        "transport": SimpleNamespace(precision="full"),
        "params": {},
        "requires": [],
        "server": SimpleNamespace(address="127.0.0.1:9092", tls=True, params={}),
        "sites": {name: SimpleNamespace(params={}, overrides={}) for name in SITES},
    }
    return SimpleNamespace(**{**fields, **changes})


def write_server(folder: Path, name: str, source: Program, federation: SimpleNamespace) -> Path:
    """Write the server project of ``source`` into ``folder``; return the project's folder."""
    tree = output_tree(source, federation, Names(name), Requirements((), ()))  # type: ignore[arg-type]
    for path, data in tree.files.items():
        if path.startswith("server/"):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return folder / "server"


class Package:
    """A generated server package, imported: its modules as attributes."""

    def __init__(self, project: Path, name: str) -> None:
        self.project = project
        self.name = name

    def __getattr__(self, module: str) -> ModuleType:
        return importlib.import_module(f"{self.name}.{module}")


def imported(folder: Path, name: str, source: Program, fed: SimpleNamespace) -> Iterator[Package]:
    project = write_server(folder, name, source, fed)
    _forget(f"{name}_server")
    sys.path.insert(0, str(project))
    try:
        yield Package(project, f"{name}_server")
    finally:
        sys.path.remove(str(project))
        _forget(f"{name}_server")


def _forget(package: str) -> None:
    for module in [m for m in sys.modules if m.split(".")[0] == package]:
        del sys.modules[module]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Package]:
    """The generated package hub_server; nothing else in these tests has its name."""
    yield from imported(tmp_path_factory.mktemp("hub"), "hub", program(), federation())


@pytest.fixture
def flower_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what this process does with Flower out of the user's own folder."""
    monkeypatch.setenv("FLWR_HOME", str(tmp_path / "flwr"))
    monkeypatch.setenv("FLWR_TELEMETRY_ENABLED", "0")
    monkeypatch.setenv("FLWR_DISABLE_UPDATE_CHECK", "1")
