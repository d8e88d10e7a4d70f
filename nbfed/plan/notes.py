"""Diagnostics about statements of a notebook."""

from __future__ import annotations

import ast

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.analyse.text import column_of
from nbfed.diagnostics import Diagnostic, Location, diagnostic


def note(
    facts: Facts,
    code: str,
    statement: Statement,
    message: str,
    hint: str = "",
    node: ast.AST | None = None,
) -> Diagnostic:
    """A finding at ``node`` of ``statement``, at its first line where there is none."""
    lines = facts.notebook.cell(statement.cell).source.split("\n")
    at = node if hasattr(node, "lineno") and not statement.text else None
    line = getattr(at, "lineno", statement.line)
    if not statement.line <= line <= statement.end_line:
        at, line = None, statement.line
    text = lines[line - 1]
    column = column_of(text, getattr(at, "col_offset", 0)) if at else _indent(text) + 1
    end = getattr(at, "end_col_offset", None) if getattr(at, "end_lineno", 0) == line else None
    length = column_of(text, end) - column if end else max(len(text.rstrip()) + 1 - column, 1)
    location = Location(facts.notebook.file, statement.cell, line, column)
    return diagnostic(code, location, message, hint, source_line=text, length=max(length, 1))


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def place(statement: Statement) -> str:
    """How a message names a statement: ``cell 7 line 12``."""
    return f"cell {statement.cell} line {statement.line}"
