"""Notebooks as plain strings, for the tests of analysis and plan.

Cells are parted by lines ``# %%``, with the cell's role behind it, if it has one.
"""

from __future__ import annotations

import ast
import re

from nbfed.read.notebook import Cell, Notebook, SyntaxProblem
from nbfed.roles import Region, Role


def notebook(text: str, file: str = "test.ipynb") -> tuple[Notebook, tuple[Region, ...]]:
    cells: list[Cell] = []
    regions: list[Region] = []
    for index, part in enumerate(text.strip("\n").split("# %%")[1:], 1):
        head, _, source = part.partition("\n")
        role, options = _options(head.split())
        source = re.sub(r"^[%!]", "# %", source.rstrip("\n"), flags=re.M)
        cells.append(Cell(index, "code", source, source, syntax_problem=_problem(source)))
        regions.append(Region(index, 1, source.count("\n") + 1, role, options))
    return Notebook(file, tuple(cells)), tuple(regions)


def _options(words: list[str]) -> tuple[Role | None, dict[str, str]]:
    if not words:
        return None, {}
    return Role(words[0]), dict(word.split("=", 1) for word in words[1:])


def _problem(source: str) -> SyntaxProblem | None:
    try:
        ast.parse(source)
    except SyntaxError as error:
        return SyntaxProblem(error.lineno or 1, error.offset or 1, error.msg)
    return None
