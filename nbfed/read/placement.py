"""The comments of a cell, and whether a directive could stand where each of them stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nbfed.read.cells import Cell, SyntaxProblem
from nbfed.read.lines import Line, scan
from nbfed.read.parsing import parse

_CONTINUES = re.compile(r"\s|(else|elif|except|finally)\b")


@dataclass(frozen=True)
class Comment:
    """A comment at 1-based ``line`` and ``column``; ``misplaced`` says where, if it is."""

    line: int
    column: int
    text: str
    at_head: bool
    misplaced: str = ""
    remedy: str = ""


def comments(cell: Cell, wanted: Callable[[str], bool]) -> Iterator[Comment]:
    """The comments of a code cell whose text is wanted, in order."""
    if "#" not in cell.source:
        return
    texts = cell.source.split("\n")
    lines = scan(cell.source)
    spans = None
    at_head = True
    for number, (line, text) in enumerate(zip(lines, texts, strict=True), 1):
        has_code = line.starts_in_string or bool(text[: line.comment].strip())
        at_head = at_head and not has_code
        if line.comment is None or not wanted(text[line.comment :]):
            continue
        if spans is None:
            spans = _spans(cell)
        where, remedy = _misplaced(line, number, text, spans, texts)
        yield Comment(number, line.comment + 1, text[line.comment :], at_head, where, remedy)


def statement_lines(cell: Cell) -> list[int]:
    """The 1-based first line of each top-level statement, or of each code line if broken."""
    spans = _spans(cell)
    if spans is not None:
        return [first for first, _ in spans]
    return [
        number
        for number, text in enumerate(cell.source.split("\n"), 1)
        if text.strip() and not text.lstrip().startswith("#")
    ]


def _spans(cell: Cell) -> list[tuple[int, int]] | None:
    """First and last line of each top-level statement; None for a cell that is not Python."""
    tree = parse(cell.source)
    if isinstance(tree, SyntaxProblem):
        return None
    return [(_first_line(node), node.end_lineno or node.lineno) for node in tree.body]


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _misplaced(
    line: Line, number: int, text: str, spans: list[tuple[int, int]] | None, texts: list[str]
) -> tuple[str, str]:
    if text[: line.comment].strip():
        return "behind code", "give it a line of its own, above the statement"
    if not line.starts_statement:
        return "inside a statement", "move it above the statement"
    if line.comment:
        return "inside an indented block", "move it above the block, to the left margin"
    if spans is None:
        inside = _before_continuation(number, texts)
    else:
        inside = any(first < number <= last for first, last in spans)
    if inside:
        return "inside a block", "move it above the block"
    return "", ""


def _before_continuation(number: int, texts: list[str]) -> bool:
    """Whether the next code line belongs to a block that began above (in a broken cell)."""
    for text in texts[number:]:
        if text.strip() and not text.lstrip().startswith("#"):
            return bool(_CONTINUES.match(text))
    return False
