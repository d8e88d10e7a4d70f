"""Run a program's generated modules for one round, as a site would."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import runpy
import symtable
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from nbfed.emit.stage_module import params_module, stage_module
from nbfed.program import Origin, Program, Stage
from nbfed.roles import Role

from .fakes import fake_libraries

_SHARED = Path(__file__).parents[3] / "templates" / "shared"
_seed_everything = runpy.run_path(str(_SHARED / "randomness.py"))["seed_everything"]
_SCOPES: dict[Role | None, tuple[str | int, ...]] = {
    Role.DATA: ("data", "only"),
    Role.MODEL: ("model",),
    Role.TRAIN: ("train", "only", 1),
    Role.EVALUATE: ("evaluate", "only", 1),
}
_TEMPLATES = {
    Role.DATA: "client/package/data.py.jinja",
    Role.MODEL: "shared/model.py.jinja",
    Role.TRAIN: "client/package/train.py.jinja",
    Role.EVALUATE: "client/package/evaluate.py.jinja",
}


def stages(program: Program) -> list[Stage]:
    found = [program.data, program.model, program.train]
    return [*found, program.evaluate] if program.evaluate else found


def module_text(program: Program, stage: Stage) -> str:
    return stage_module(program, stage, _TEMPLATES[stage.role]).text


def seed_stage(role: Role | None) -> None:
    """Seed as a site does before this stage; for None, as nobody does."""
    _seed_everything(11, *_SCOPES.get(role, ("other",)))


def undefined_names(text: str) -> set[str]:
    """Globals that a module reads and never defines."""
    table = symtable.symtable(text, "generated.py", "exec")
    defined = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    read: set[str] = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    for inner in _inner(table):
        for symbol in inner.get_symbols():
            if symbol.is_global() and symbol.is_referenced():
                read.add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                defined.add(symbol.get_name())
    return read - defined - set(dir(builtins)) - {"__name__", "__file__"}


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)


class Site:
    """One site: it loads its data once, and then trains and evaluates."""

    def __init__(self, program: Program, site: Mapping[str, Any], folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.settings = {**_defaults(program), **site}
        self.namespaces: dict[Role, dict[str, Any]] = {}
        write_helpers(program, folder)
        for stage in stages(program):
            text = module_text(program, stage)
            self.namespaces[stage.role] = _executed(text, f"generated.{stage.role}")
        self.data = self.call(program.data)
        self.model = self.call(program.model)

    def call(self, stage: Stage) -> Any:
        given = {
            argument.name: self._value(argument.name, argument.origin)
            for argument in stage.arguments
        }
        if Origin.MODEL in {argument.origin for argument in stage.arguments}:
            # Training and evaluation get the model in this state, each time.
            self.model.train()
        seed_stage(stage.role)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(self.folder):
            return self.namespaces[stage.role][stage.entry](**given)

    def _value(self, name: str, origin: Origin) -> Any:
        if origin is Origin.DATA:
            return getattr(self.data, name)
        if origin is Origin.MODEL:
            several = len(self.program.model.results) > 1
            return self.model[name] if several else self.model
        return self.settings[name]

    def train(self) -> dict[str, Any]:
        result, metrics = self.call(self.program.train)
        assert isinstance(result, torch.nn.Module)
        self.model = result
        return dict(metrics)

    def evaluate(self) -> dict[str, Any]:
        assert self.program.evaluate is not None
        return dict(self.call(self.program.evaluate))


def _defaults(program: Program) -> dict[str, Any]:
    space = _executed(params_module(program, "shared/params.py.jinja").text, "generated.params")
    return dict(vars(space["Params"]()))


def write_helpers(program: Program, folder: Path) -> None:
    """Lay the helper modules out below the package that the generated modules are in."""
    package = ModuleType("generated")
    package.__path__ = [str(folder / "package")]
    sys.modules["generated"] = package
    for name in [name for name in sys.modules if name.startswith("generated.")]:
        del sys.modules[name]
    for helper in program.helpers:
        path = folder / "package" / helper.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(helper.text)


def _executed(text: str, name: str) -> dict[str, Any]:
    """The namespace of a module; dataclasses and pickle look modules up by name."""
    module = ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    sys.modules[name] = module
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    return module.__dict__


def run_round(program: Program, site: Mapping[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """Evaluate, train and evaluate again; the metrics of each."""
    torch.set_num_threads(1)
    with fake_libraries():
        here = Site(program, site, folder)
        arrays = {name: value.clone() for name, value in here.model.state_dict().items()}
        found: dict[str, dict[str, Any]] = {}
        if program.evaluate:
            found["before"] = here.evaluate()
        found["train"] = here.train()
        if program.evaluate:
            found["after"] = here.evaluate()
        found["train again"] = here.train()
        changed = here.model.state_dict()
        assert list(changed) == list(arrays)
        assert any(not torch.equal(changed[name], arrays[name]) for name in arrays)
    return found


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics as a site sends them; raises where one is no number."""
    return {name: float(value) for name, value in metrics.items()}


def write_table(path: Path) -> None:
    rows = ["a,b,c,d,target"]
    torch.manual_seed(1)
    for number, values in enumerate(torch.randn(60, 4).tolist()):
        rows.append(",".join(f"{value:.3f}" for value in values) + f",{number % 2}")
    path.write_text("\n".join(rows) + "\n")


__all__ = [
    "Site",
    "module_text",
    "numbers",
    "os",
    "run_round",
    "stages",
    "undefined_names",
    "write_table",
]
