"""Why a name that a role needs has no definition."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic, Location, diagnostic
from nbfed.plan.notes import note, place

if TYPE_CHECKING:
    from nbfed.plan.slice import Need

IPYTHON_NAMES = frozenset({"get_ipython", "display", "In", "Out", "exit", "quit"})


def missing_name(facts: Facts, need: Need) -> Diagnostic:
    """Why a name has no definition: a star import, a later one, IPython, or none at all."""
    star = next(
        (
            statement
            for statement in facts.statements
            if statement.names.star_import and statement.order < need.position
        ),
        None,
    )
    name = need.name
    if name in IPYTHON_NAMES:
        return note(
            facts,
            "NBF103",
            need.reader,
            f"`{name}` exists in IPython only",
            "remove the line, or put it in a cell of its own outside the roles",
            need.node,
        )
    if star is not None:
        return note(
            facts,
            "NBF204",
            need.reader,
            f"`{name}` may come from the star import in {place(star)}, and nobody can tell",
            f"write `from {_module(star)} import {name}` there",
            need.node,
        )
    later = facts.after(name, need.position)
    if later is not None:
        return note(
            facts,
            "NBF202",
            need.reader,
            f"`{name}` is used here, but made only later, in {place(later)}",
            f"move {place(later)} above this statement",
            need.node,
        )
    broken = _broken_cell(facts, name)
    if broken is not None:
        return broken
    return note(
        facts,
        "NBF201",
        need.reader,
        f"`{name}` is defined nowhere in the notebook",
        f"add the cell that defines `{name}`; it may have been deleted or renamed",
        need.node,
    )


def _module(star: Statement) -> str:
    for node in star.nodes:
        if isinstance(node, ast.ImportFrom):
            return "." * node.level + (node.module or "")
    return "module"


def _broken_cell(facts: Facts, name: str) -> Diagnostic | None:
    """A cell that seems to define the name, but is not Python."""
    word = re.escape(name)
    defines = re.compile(
        rf"^\s*((def|class)\s+{word}\b|{word}\s*(:[^=]*)?=[^=]|(from|import)\b.*\b{word}\b)", re.M
    )
    for cell in facts.notebook.cells:
        problem = cell.syntax_problem
        if cell.kind == "code" and problem is not None and defines.search(cell.source):
            lines = cell.source.split("\n")
            line = min(problem.line, len(lines))
            return diagnostic(
                "NBF102",
                Location(facts.notebook.file, cell.index, line, problem.column),
                f"`{name}` seems to be defined in this cell, which is not Python: "
                f"{problem.message}",
                "mend the cell",
                source_line=lines[line - 1],
            )
    return None
