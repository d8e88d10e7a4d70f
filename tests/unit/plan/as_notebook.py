"""A test notebook run as its author runs it: all cells in order, in one namespace.

Plain ``exec`` stands for a kernel here: the test notebooks hold no magic that does anything, no
``await`` at top level, and nobody looks at what is displayed. tests/examples runs a real kernel.

A notebook draws from one generator, a federation seeds each stage anew. So the statements that
a stage has, wherever they stand, draw here from the stage's own stream of random numbers, seeded
as a site seeds it, and all other statements from another. Only where the streams change is read
off the program: what is computed is what the notebook's own text says.
"""

from __future__ import annotations

import ast
import contextlib
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nbfed.program import Fragment, Program
from nbfed.roles import Role

from .notebooks import notebook
from .running import seed_stage, stages
from .watching import Watch

_SWITCH = "_drawing_for_"


class Notebook:
    """A notebook that ran; ``seen`` has the weights and metrics that it held."""

    def __init__(self, program: Program, text: str, site: Mapping[str, Any], folder: Path) -> None:
        found, regions = notebook(text)
        self._lines = {stage.role: _lines(stage.body) for stage in stages(program)}
        self._streams: dict[Role | None, tuple[Any, ...]] = {}
        self._now: Role | None = None
        printed = io.StringIO()
        cells = {_file(region.cell): region.role for region in regions if region.role}
        self.seen = Watch(program, cells, printed)
        space: dict[str, Any] = {"__name__": "__main__", _SWITCH: self._drawing_for}
        keys = {key.cell for key in program.site}
        seed_stage(None)
        with contextlib.redirect_stdout(printed), contextlib.chdir(folder), self.seen.functions():
            for cell in found.cells:
                tree = ast.parse(cell.source)
                tree.body = self._switching(tree.body, cell.index, cell.source.splitlines())
                code = compile(ast.fix_missing_locations(tree), _file(cell.index), "exec")
                exec(code, space)
                if cell.index in keys:
                    space.update(site)

    def _switching(
        self, body: Sequence[ast.stmt], cell: int, lines: Sequence[str]
    ) -> list[ast.stmt]:
        """The statements, those of a stage inside ``with`` its stream."""
        found: list[ast.stmt] = []
        for node in body:
            here = (cell, node.lineno, lines[node.lineno - 1].strip())
            role = next((role for role, held in self._lines.items() if here in held), None)
            if role and not isinstance(node, ast.FunctionDef | ast.ClassDef):
                self.seen.will_run(role, node)
                switch = ast.Call(ast.Name(_SWITCH, ast.Load()), [ast.Constant(role.value)], [])
                found.append(ast.With([ast.withitem(switch)], [node]))
                continue
            if not role:
                for block in ("body", "orelse", "finalbody"):
                    if inner := getattr(node, block, None):
                        setattr(node, block, self._switching(inner, cell, lines))
            found.append(node)
        return found

    @contextlib.contextmanager
    def _drawing_for(self, word: str) -> Iterator[None]:
        before, role = self._now, Role(word)
        self._change(role)
        try:
            yield
        finally:
            self._change(before)
        self.seen.done(role)

    def _change(self, role: Role | None) -> None:
        self._streams[self._now] = _generators()
        self._now = role
        if role is Role.TRAIN:
            # A site evaluates anew after each round.
            self._streams.pop(Role.EVALUATE, None)
        if role in self._streams:
            _set_generators(self._streams[role])
        else:
            seed_stage(role)
        if role:
            self.seen.starts(role)


def _file(cell: int) -> str:
    return f"cell {cell}"


def _lines(body: Sequence[Fragment]) -> set[tuple[int, int, str]]:
    """What a stage's function has of the notebook as it stands, as cell, line and text."""
    return {
        (part.cell, part.line + offset, text.strip())
        for part in body
        for offset, text in enumerate(part.text.splitlines())
    }


def _generators() -> tuple[Any, ...]:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _set_generators(states: tuple[Any, ...]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
