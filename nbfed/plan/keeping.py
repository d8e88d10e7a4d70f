"""What training goes on with in the next round, and which of the model's entries travel."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nbfed.analyse.facts import Facts
from nbfed.analyse.text import column_of
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note
from nbfed.program import Fragment, Stage
from nbfed.roles import Role

_Made = tuple[str, ast.expr]


def exchange_of(facts: Facts) -> tuple[str, ...]:
    """What ``exchange=`` says in the model's regions; all of the model where none does."""
    return _option(facts, Role.MODEL, "exchange") or ("all",)


def keep_of(facts: Facts) -> tuple[str, ...]:
    """What ``keep=`` names in the training regions."""
    return _option(facts, Role.TRAIN, "keep")


def with_kept(
    facts: Facts, train: Stage, names: Sequence[str]
) -> tuple[Stage, tuple[str, ...], list[Diagnostic]]:
    """Let what training assigns to ``names`` pass through the package's ``keep``.

    The lines stay what they are, but for the call around the assigned value. Returns the names
    that were found, too.
    """
    if not names:
        return train, (), []
    taken = any(re.search(r"\bkeep\b", part.text) for part in (*train.module, *train.body))
    function = "keep_state" if taken else "keep"
    imported = "from .keeping import keep" + " as keep_state" * taken
    found: set[str] = set()
    module = tuple(_wrapped(part, names, function, found, inside=True) for part in train.module)
    body = tuple(_wrapped(part, names, function, found, inside=False) for part in train.body)
    cell = facts.of_role(Role.TRAIN)[0].cell
    stage = replace(
        train, imports=(*train.imports, Fragment(cell, 1, imported)), module=module, body=body
    )
    missing = [_not_made(facts, name) for name in names if name not in found]
    return stage, tuple(name for name in names if name in found), missing


def _option(facts: Facts, role: Role, key: str) -> tuple[str, ...]:
    items = (item.options.get(key, "") for item in facts.of_role(role))
    return tuple(dict.fromkeys(name for text in items for name in text.split(",") if name))


def _wrapped(
    part: Fragment, names: Sequence[str], function: str, found: set[str], *, inside: bool
) -> Fragment:
    lines = part.text.split("\n")
    made = list(_assigned(ast.parse(part.text), names, inside=inside))
    # From the end, so that the places of what stands before remain.
    for name, value in sorted(made, key=lambda item: _end(item[1]), reverse=True):
        found.add(name)
        last, first = (value.end_lineno or value.lineno) - 1, value.lineno - 1
        at = column_of(lines[last], value.end_col_offset or 0) - 1
        lines[last] = f"{lines[last][:at]}){lines[last][at:]}"
        at = column_of(lines[first], value.col_offset) - 1
        lines[first] = f'{lines[first][:at]}{function}("{name}", {lines[first][at:]}'
    return replace(part, text="\n".join(lines))


def _end(value: ast.expr) -> tuple[int, int]:
    return value.end_lineno or value.lineno, value.end_col_offset or 0


def _assigned(tree: ast.Module, names: Sequence[str], *, inside: bool) -> Iterator[_Made]:
    """What is assigned to ``names``; ``inside`` functions alone, or everywhere."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    roots = [n for n in ast.walk(tree) if isinstance(n, functions)] if inside else [tree]
    seen: set[int] = set()
    for node in (part for root in roots for part in ast.walk(root)):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if name in names and id(value) not in seen:
                seen.add(id(value))
                yield name, value


def _not_made(facts: Facts, name: str) -> Diagnostic:
    return note(
        facts,
        "NBF323",
        facts.of_role(Role.TRAIN)[0],
        f"`keep={name}`: no statement of training makes `{name}`",
        f"name what training makes by an assignment of its own, such as `{name} = ...`, in the "
        "train region or from the model",
    )
