"""What a running notebook holds: its trained weights, and the values of its metrics."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import torch

from nbfed.program import Program
from nbfed.roles import Role

from .running import stages

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


class Watch:
    """Looks at the names of a notebook while it runs.

    ``weights`` are those of the program's modules when the last statement of training was done.
    ``metrics`` has, by the role, what the notebook itself keeps by the metrics' names: what the
    role's statements bind at top level, and what functions of the role's cells held when they
    returned, in their locals or in the dictionary that they gave. The last value counts.
    """

    def __init__(self, program: Program, cells: Mapping[str, Role], printed: io.StringIO) -> None:
        self.weights: dict[str, torch.Tensor] = {}
        self.metrics: dict[Role, dict[str, Any]] = {Role.TRAIN: {}, Role.EVALUATE: {}}
        self._modules: dict[str, Any] = dict.fromkeys(program.model.results)
        self._stages = {stage.role: stage for stage in stages(program)}
        self._bound: dict[Role, set[str]] = {}
        self._cells = cells
        self._printed = printed
        self._begun = 0

    def printed_numbers(self) -> list[str]:
        """The numbers that the notebook printed since it last began to evaluate."""
        return _NUMBER.findall(self._printed.getvalue()[self._begun :])

    def will_run(self, role: Role, node: ast.stmt) -> None:
        """Count what a statement binds as the role's own."""
        bound = self._bound.setdefault(role, set())
        for part in ast.walk(node):
            match part:
                case ast.Name(id=name, ctx=ast.Store()):
                    bound.add(name)

    def starts(self, role: Role) -> None:
        if role is Role.EVALUATE:
            self._begun = len(self._printed.getvalue())

    def done(self, role: Role) -> None:
        """A statement of ``role`` is done, in the innermost frame of a cell."""
        frame = _cell_frame()
        here = {**frame.f_globals, **frame.f_locals}
        if role in (Role.MODEL, Role.TRAIN):
            for name in self._modules:
                if isinstance(here.get(name), torch.nn.Module):
                    self._modules[name] = here[name]
        made = self._modules
        if role is Role.TRAIN and None not in made.values():
            whole = torch.nn.ModuleDict(made) if len(made) > 1 else next(iter(made.values()))
            self.weights = {name: value.clone() for name, value in whole.state_dict().items()}
        if role in self.metrics:
            bound = self._bound[role]
            self._keep(role, {name: here[name] for name in bound & here.keys()})
            if isinstance(mapping := here.get(self._stages[role].mapping), Mapping):
                self.metrics[role].update(mapping)

    @contextlib.contextmanager
    def functions(self) -> Iterator[None]:
        """Look at the functions of the cells that train or evaluate when they return."""
        before = sys.getprofile()
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _profile(self, frame: FrameType, event: str, value: Any) -> None:
        code = frame.f_code
        role = self._cells.get(code.co_filename)
        if role not in self.metrics or code.co_name.startswith("<"):
            return
        if event == "call":
            self.starts(role)
        elif event == "return":
            self._keep(role, frame.f_locals)
            if isinstance(value, Mapping):
                self._keep(role, value)

    def _keep(self, role: Role, values: Mapping[str, Any]) -> None:
        if stage := self._stages.get(role):
            names = set(stage.results) & values.keys()
            self.metrics[role].update({name: values[name] for name in names})


def _cell_frame() -> FrameType:
    frame: FrameType | None = sys._getframe()
    while frame and not frame.f_code.co_filename.startswith("cell "):
        frame = frame.f_back
    assert frame is not None
    return frame
