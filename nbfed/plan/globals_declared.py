"""`global` declarations: needless ones are taken out, impossible ones refused."""

from __future__ import annotations

import ast

from nbfed.analyse.facts import Facts
from nbfed.analyse.scopes import Bindings
from nbfed.analyse.statements import Statement, edited
from nbfed.diagnostics import Diagnostic
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.notes import note
from nbfed.plan.settings import Settings
from nbfed.plan.slice import Slice


def without_needless_globals(facts: Facts, settings: Settings) -> Completed:
    """Functions without `global` for names that they only read.

    Such a line changes nothing in a notebook, but would keep a function from seeing the
    arguments of the stage that it stands in.
    """
    statements = list(facts.statements)
    for item in facts.statements:
        if item.names.declared_global and item.is_definition:
            edits = _edits(facts, item)
            if edits:
                statements[item.order] = edited(item, edits, facts.notebook)
    if statements == list(facts.statements):
        return unchanged(facts)
    return Completed(tuple(statements))


def _edits(facts: Facts, item: Statement) -> dict[int, str]:
    lines = facts.notebook.cell(item.cell).source.split("\n")
    edits: dict[int, str] = {}
    for node in item.nodes:
        for function in ast.walk(node):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for part in ast.walk(function):
                    if isinstance(part, ast.Global):
                        text = lines[part.lineno - 1]
                        changed = _without(part, text, Bindings.of(*function.body).names)
                        if changed != text:
                            edits[part.lineno] = changed
    return edits


def _without(node: ast.Global, line: str, assigned: set[str]) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    kept = [name for name in node.names if name in assigned]
    if len(kept) == len(node.names) or not line.lstrip().startswith("global"):
        return line
    if kept:
        return f"{indent}global {', '.join(kept)}"
    return f"{indent}pass  # nbfed: only read here: {', '.join(node.names)}"


def assigned_arguments(facts: Facts, found: Slice) -> list[Diagnostic]:
    """Functions that assign, as a global, what the stage gets as an argument."""
    problems: list[Diagnostic] = []
    for item in found.ordered:
        for name in sorted(item.names.declared_global & found.arguments.keys()):
            node = _declaration(item, name)
            problems.append(
                note(
                    facts,
                    "NBF210",
                    item,
                    f"a function assigns the global `{name}`, which is an argument of "
                    f"`{found.role}`",
                    f"let the function return the new `{name}`, and assign it where it is called",
                    node,
                )
            )
    return problems


def _declaration(item: Statement, name: str) -> ast.AST | None:
    for node in item.nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Global) and name in part.names:
                return part
    return None
