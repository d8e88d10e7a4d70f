"""Show a site cell without its values: they are the coordinator's own, and stay there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbfed.read.cells import Cell
from nbfed.roles import Region, Role

HIDDEN = "..."


def without_values(cell: Cell, region: Region) -> str:
    """The region's lines as written; in a region of the role site, `...` stands for each value.

    What cannot be read as Python there is not shown at all.
    """
    lines = cell.raw.splitlines()
    chosen = lines[region.first_line - 1 : region.last_line]
    if region.role is not Role.SITE:
        return "\n".join(chosen)
    try:
        tree = ast.parse("\n".join(cell.source.splitlines()))
    except SyntaxError:
        return HIDDEN
    code = [line.encode() for line in cell.source.splitlines()]
    ordered = sorted(_values(tree, region), key=lambda node: (node.lineno, node.col_offset))
    for value in reversed(ordered):
        first, last = value.lineno - 1, (value.end_lineno or value.lineno) - 1
        before = code[first][: value.col_offset]
        after = code[last][value.end_col_offset :]
        # A comment behind the value may say the value again.
        rest = after.partition(b"#")[0].rstrip()
        code[first : last + 1] = [before + HIDDEN.encode() + rest]
    removed = len(cell.source.splitlines()) - len(code)
    shown = code[region.first_line - 1 : region.last_line - removed]
    return b"\n".join(shown).decode()


def _values(tree: ast.Module, region: Region) -> Iterator[ast.expr | ast.stmt]:
    """What is not shown: the values of assignments, and any other statement as a whole."""
    for statement in tree.body:
        outside = not region.first_line <= statement.lineno <= region.last_line
        if outside or isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            yield statement
        elif statement.value is not None:
            yield statement.value
