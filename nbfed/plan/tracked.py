"""Settings that code takes out of an experiment tracker's run: no site has that run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note
from nbfed.plan.settings import is_literal
from nbfed.plan.slice import Slice
from nbfed.roles import Role

_CONFIG = frozenset({"wandb.config", "wandb.run.config"})
_STARTS = "wandb.init"


def tracked_settings(facts: Facts, found: Slice) -> Iterator[Diagnostic]:
    """Where a slice reads ``wandb.config``, which is empty without ``wandb.init``."""
    for item in found.ordered:
        for node in item.nodes:
            for part in ast.walk(node):
                if isinstance(part, ast.Attribute) and facts.vocabulary.dotted(part) in _CONFIG:
                    yield tracked(facts, found.role, item, part)


def starts_run(facts: Facts, node: ast.AST) -> bool:
    """Whether ``node`` is the call that begins a tracker's run."""
    return isinstance(node, ast.Call) and facts.vocabulary.dotted(node.func) == _STARTS


def tracked(facts: Facts, role: Role, item: Statement, node: ast.AST) -> Diagnostic:
    """``node`` of a statement that ``role`` needs takes settings from a tracker's run."""
    values = _values(facts)
    lines = [f"`{name} = {text}`" for name, text in values.items() if name.isidentifier()]
    listed = ", ".join(lines) or "`LR = 0.01`"
    return note(
        facts,
        "NBF330",
        item,
        f"`{role}` takes settings from the run of an experiment tracker, and a site has no such "
        "run",
        f"write the values down in a cell of their own, `# nbfed: params`: {listed}, and use "
        "these names",
        node,
    )


def _values(facts: Facts) -> dict[str, str]:
    """The literal settings that the notebook gives to its run, by name."""
    found: dict[str, str] = {}
    for item in facts.statements:
        for node in item.nodes:
            for part in ast.walk(node):
                if isinstance(part, ast.Call) and starts_run(facts, part):
                    for keyword in part.keywords:
                        if keyword.arg == "config":
                            found.update(_entries(facts, keyword.value))
    return found


def _entries(facts: Facts, value: ast.expr) -> Iterator[tuple[str, str]]:
    match value:
        case ast.Name(id=name) if len(facts.touching.get(name, ())) == 1:
            made = facts.statements[facts.touching[name][0]].node
            if isinstance(made, ast.Assign) and not isinstance(made.value, ast.Name):
                yield from _entries(facts, made.value)
        case ast.Dict():
            for key, part in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant) and is_literal(part):
                    yield str(key.value), ast.unparse(part)
        case ast.Call(func=ast.Name(id="dict")):
            for keyword in value.keywords:
                if keyword.arg and is_literal(keyword.value):
                    yield keyword.arg, ast.unparse(keyword.value)
