"""The lines of a generated module that mean something, each with the cell it came from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Row = tuple[int, int, int, int]
_MARKER = re.compile(r"\s*# %% .*:cell \d+")


@dataclass(frozen=True)
class Line:
    """A line of a generated module; ``cell`` and ``line`` are 0 where nbfed wrote it."""

    text: str
    cell: int = 0
    line: int = 0


def module_lines(tree: ast.Module, text: str, rows: Iterable[Row]) -> tuple[Line, ...]:
    """The module's lines without blank ones, cell markers and nbfed's own docstrings.

    ``rows`` are those of sourcemap.json: first and last line, cell, first line in the cell.
    Markers and docstrings only name cells, and every line knows its cell already.
    """
    origins = {
        number: (cell, cell_line + number - first)
        for first, last, cell, cell_line in rows
        for number in range(first, last + 1)
    }
    left_out = set(_own_docstrings(tree, origins.keys()))
    return tuple(
        Line(line.rstrip(), *origins.get(number, (0, 0)))
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
        and number not in left_out
        and (number in origins or not _MARKER.fullmatch(line))
    )


def _own_docstrings(tree: ast.Module, mapped: Iterable[int]) -> Iterator[int]:
    mapped = frozenset(mapped)
    for node in (tree, *tree.body):
        if not isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            continue
        first = node.body[0] if node.body else None
        match first:
            case ast.Expr(value=ast.Constant(value=str()), lineno=start, end_lineno=end):
                if start not in mapped:
                    yield from range(start, (end or start) + 1)
