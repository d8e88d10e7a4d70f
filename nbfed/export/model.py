"""Make a run's model from its build's packages. For a process of its own: it runs their code."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from torch import Tensor, nn

from nbfed.builds import find_build
from nbfed.emit import Build
from nbfed.notebook.weights import read_weights


class ExportError(Exception):
    """What cannot be exported, in a sentence; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def run_model(build_folder: Path, run: Path, *, best: bool) -> nn.Module:
    """The run's model, in evaluation mode, with its global weights.

    Raises ExportError where the weights are not all of the model's, or it cannot be called.
    """
    build = find_build(build_folder)
    config = json.loads((run / "build.json").read_text(encoding="utf-8"))["run_config"]
    model = _made(build, config)
    if isinstance(model, nn.ModuleDict):
        raise ExportError(
            f"the notebook's model is several modules ({', '.join(model)}): there is no one "
            "function of them to export",
            "take --format safetensors, and nbfed.load(run, name=module, ...)",
        )
    names = _package(build, "server", "exchange").plain_names(model)
    _take_over(model, names, read_weights(run, best=best))
    return model.eval()


def _made(build: Build, config: Mapping[str, Any]) -> nn.Module:
    """The model as the server package makes it, for the run's parameters."""
    settings = _package(build, "server", "settings").Settings.from_run_config(config)
    model: nn.Module = _package(build, "server", "first_model").first_model(settings)
    return model


def _take_over(model: nn.Module, names: Mapping[str, str], weights: Mapping[str, Tensor]) -> None:
    if local := [plain for plain in names.values() if plain not in weights]:
        raise ExportError(
            f"{len(local)} of the model's {len(names)} entries never left the sites "
            f"({local[0]}, ...): the run has no whole model",
            "take --format safetensors for those that did",
        )
    model.load_state_dict({raw: weights[plain] for raw, plain in names.items()})


def site_data(build: Build, node: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    """The data that the client package's own code loads for a site on this machine."""
    client = _package(build, "client", "site")
    trip = SimpleNamespace(params=json.loads(config["params"]), seed=config["seed"])
    return client.Site(node).data(trip)


def _package(build: Build, part: str, name: str) -> ModuleType:
    folder = str((build.folder / part).resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    package = build.names.server_package if part == "server" else build.names.client_package
    return importlib.import_module(f"{package}.{name}")
