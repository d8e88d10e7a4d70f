"""Split the cells of a notebook into the statements that slices are made of."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nbfed.analyse.names import Names, names_of
from nbfed.analyse.text import dedented
from nbfed.program import Fragment
from nbfed.read.notebook import Cell, Notebook
from nbfed.roles import Region, Role

_DIRECTIVE = re.compile(r"^\s*#\s*\|?\s*nbfed\s*:")


@dataclass(frozen=True)
class Statement:
    """One top-level statement of a cell, or several that share a line.

    ``order`` counts through the notebook; ``line`` to ``end_line`` are its own lines in the
    cell, ``first_line`` is where the comments right above it begin. ``indent`` is not 0 for a
    statement of an opened ``if __name__ == "__main__":``. ``edits`` replaces lines of the cell,
    by number. ``text`` is that of a statement which nbfed wrote itself.
    """

    order: int
    cell: int
    first_line: int
    line: int
    end_line: int
    nodes: tuple[ast.stmt, ...]
    names: Names
    role: Role | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    indent: int = 0
    edits: Mapping[int, str] = field(default_factory=dict)
    text: str = ""

    @property
    def node(self) -> ast.stmt:
        """The statement, the first one where several share a line."""
        return self.nodes[0]

    @property
    def is_import(self) -> bool:
        """Whether this is nothing but imports."""
        return all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in self.nodes)

    @property
    def is_definition(self) -> bool:
        """Whether this is a function or a class."""
        return all(
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            for node in self.nodes
        )


def statements_of(notebook: Notebook, regions: Sequence[Region]) -> tuple[Statement, ...]:
    """All statements of the notebook, in order. Cells that do not parse have none."""
    by_cell: dict[int, list[Region]] = {}
    for region in regions:
        by_cell.setdefault(region.cell, []).append(region)
    found: list[Statement] = []
    for cell in notebook.cells:
        if cell.kind == "code" and cell.syntax_problem is None:
            found.extend(_cell_statements(cell, by_cell.get(cell.index, []), len(found)))
    return tuple(found)


def _cell_statements(cell: Cell, regions: list[Region], order: int) -> Iterator[Statement]:
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError):
        return
    lines = cell.source.split("\n")
    regions = sorted(regions, key=lambda region: region.first_line)
    starts = [region.first_line for region in regions]
    previous_end = 0
    for offset, (nodes, indent) in enumerate(_on_one_line(_opened(tree.body))):
        line = min(_first_line(node) for node in nodes)
        end_line = max(_last_line(node) for node in nodes)
        at = bisect_right(starts, line) - 1
        region = regions[at] if at >= 0 and line <= regions[at].last_line else None
        first = _with_comments(
            lines, line, max(previous_end, region.first_line - 1 if region else 0)
        )
        previous_end = end_line
        yield Statement(
            order + offset,
            cell.index,
            first,
            line,
            end_line,
            nodes,
            names_of(nodes),
            region.role if region else None,
            region.options if region else {},
            indent,
        )


def inner_statements(
    outer: Statement, body: Sequence[ast.stmt], notebook: Notebook, role: Role | None
) -> Iterator[Statement]:
    """The statements of a block of ``outer``, as if they stood at top level."""
    lines = notebook.cell(outer.cell).source.split("\n")
    previous_end = outer.line
    for nodes, indent in _on_one_line((node, node.col_offset) for node in body):
        line = min(map(_first_line, nodes))
        end_line = max(map(_last_line, nodes))
        first = _with_comments(lines, line, previous_end)
        previous_end = end_line
        edits = {at: text for at, text in outer.edits.items() if line <= at <= end_line}
        names = names_of(nodes)
        options = outer.options
        yield Statement(
            0, outer.cell, first, line, end_line, nodes, names, role, options, indent, edits
        )


def _opened(body: Sequence[ast.stmt], indent: int = 0) -> Iterator[tuple[ast.stmt, int]]:
    """Top-level statements, the body of ``if __name__ == "__main__":`` among them."""
    for node in body:
        if is_main_guard(node):
            assert isinstance(node, ast.If)
            yield from _opened(node.body, node.body[0].col_offset)
        else:
            yield node, indent


def is_main_guard(node: ast.stmt) -> bool:
    """Whether this is ``if __name__ == "__main__":``."""
    match node:
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id="__name__"),
                ops=[ast.Eq()],
                comparators=[ast.Constant(value="__main__")],
            ),
            orelse=[],
        ):
            return node.body[0].lineno > node.lineno
        case _:
            return False


def _on_one_line(
    nodes: Iterator[tuple[ast.stmt, int]],
) -> Iterator[tuple[tuple[ast.stmt, ...], int]]:
    """Statements that share a line travel together: a line is never cut."""
    group: list[ast.stmt] = []
    group_indent = 0
    for node, indent in nodes:
        if group and _first_line(node) > max(map(_last_line, group)):
            yield tuple(group), group_indent
            group = []
        if not group:
            group_indent = indent
        group.append(node)
    if group:
        yield tuple(group), group_indent


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _with_comments(lines: list[str], line: int, after: int) -> int:
    """The first of the comment lines right above ``line``, directives excepted."""
    first = line
    while first - 1 > after and _is_comment(lines[first - 2]):
        first -= 1
    return first


def _is_comment(text: str) -> bool:
    return text.lstrip().startswith("#") and not _DIRECTIVE.match(text)


def written(text: str, at: Statement, role: Role | None) -> Statement:
    """A statement that nbfed writes itself; it stands for the code at ``at``."""
    nodes = tuple(ast.parse(text).body)
    return Statement(
        at.order, at.cell, at.line, at.line, at.end_line, nodes, names_of(nodes), role, text=text
    )


def edited(statement: Statement, edits: Mapping[int, str], notebook: Notebook) -> Statement:
    """``statement`` with lines of its cell replaced, and its names read again."""
    lines = notebook.cell(statement.cell).source.split("\n")
    merged = {**statement.edits, **edits}
    for number, text in merged.items():
        lines[number - 1] = text
    text = "\n".join(lines[statement.line - 1 : statement.end_line])
    # Blank lines in front keep the line numbers of the cell, an `if` the columns.
    if statement.indent:
        (block,) = ast.parse("\n" * (statement.line - 2) + f"if 1:\n{text}").body
        nodes = tuple(block.body) if isinstance(block, ast.If) else ()
    else:
        nodes = tuple(ast.parse("\n" * (statement.line - 1) + text).body)
    return replace(statement, nodes=nodes, names=names_of(nodes), edits=merged)


def source_lines(notebook: Notebook, statement: Statement) -> list[str]:
    """The lines that the positions of a statement's nodes count in."""
    if statement.text:
        return statement.text.split("\n")
    return notebook.cell(statement.cell).source.split("\n")


def numbered(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """``statements`` with ``order`` counted anew."""
    return tuple(
        statement if statement.order == order else replace(statement, order=order)
        for order, statement in enumerate(statements)
    )


def fragments_of(
    statements: Sequence[Statement], notebook: Notebook, *, comments: bool = True
) -> tuple[Fragment, ...]:
    """The source of ``statements``, neighbours with what stands between them as one fragment."""
    runs: list[list[Statement]] = []
    for statement in statements:
        if runs and _follows(runs[-1][-1], statement, notebook):
            runs[-1].append(statement)
        else:
            runs.append([statement])
    return tuple(
        Fragment(run[0].cell, run[0].line, run[0].text)
        if run[0].text
        else _verbatim(run, notebook, comments)
        for run in runs
    )


def _follows(previous: Statement, statement: Statement, notebook: Notebook) -> bool:
    """Whether one fragment may hold both: nothing but comments stands between them."""
    if previous.text or statement.text or previous.cell != statement.cell:
        return False
    if previous.indent != statement.indent or previous.order + 1 != statement.order:
        return False
    if any("\n" in text for text in (*previous.edits.values(), *statement.edits.values())):
        return False  # a longer text would shift the lines of what follows it
    lines = notebook.cell(statement.cell).source.split("\n")
    between = lines[previous.end_line : statement.line - 1]
    return all(not line.strip() or line.lstrip().startswith("#") for line in between)


def _verbatim(members: list[Statement], notebook: Notebook, comments: bool) -> Fragment:
    first = members[0].first_line if comments else members[0].line
    lines = notebook.cell(members[0].cell).source.split("\n")
    for member in members:
        for number, text in member.edits.items():
            lines[number - 1] = text
    kept = lines[first - 1 : members[-1].end_line]
    kept = ["" if _DIRECTIVE.match(line) else line for line in kept]
    return Fragment(members[0].cell, first, dedented("\n".join(kept), members[0].indent))
