"""`models = {"enc": Encoder(), "dec": Decoder()}`: each module gets a name of its own.

A federation sends modules by the names that the notebook has for them. The dictionary is made of
these names again wherever it is used.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement, written
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.made import makes_module
from nbfed.plan.settings import Settings
from nbfed.roles import Role

_MAKERS = (Role.MODEL, Role.TRAIN, None)


def named_modules(facts: Facts, settings: Settings) -> Completed:
    """The statements with every module of a dictionary bound to a name, its key where it can."""
    statements: list[Statement] = []
    taken: set[str] = set()
    for item in facts.statements:
        statements.extend(_named(facts, item, taken) or [item])
    return Completed(tuple(statements)) if taken else unchanged(facts)


def _named(facts: Facts, item: Statement, taken: set[str]) -> list[Statement]:
    if item.role not in _MAKERS or len(item.nodes) != 1 or item.text:
        return []
    match item.node:
        case ast.Assign(targets=[ast.Name(id=owner)], value=value):
            entries = list(_entries(value))
        case ast.Assign(
            targets=[ast.Subscript(value=ast.Name(id=owner), slice=ast.Constant(value=str() as k))],
            value=value,
        ):
            entries = [(k, value)]
        case _:
            return []
    known = facts.modules
    if not entries or not all(makes_module(facts, part, known) for _, part in entries):
        return []
    names = {key: _free(facts, owner, key, taken) for key, _ in entries}
    taken |= set(names.values())
    made = [written(f"{names[k]} = {ast.unparse(v)}", item, Role.MODEL) for k, v in entries]
    if isinstance(item.node, ast.Assign) and isinstance(item.node.targets[0], ast.Name):
        pairs = ", ".join(f"{key!r}: {name}" for key, name in names.items())
        text = f"{owner} = {{{pairs}}}"
    else:
        text = "".join(f"{owner}[{key!r}] = {name}" for key, name in names.items())
    return [*made, written(text, item, None)]


def _entries(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The items of a dictionary whose keys are all texts."""
    match value:
        case ast.Dict(keys=keys, values=values):
            texts = [k.value for k in keys if isinstance(k, ast.Constant)]
            named = [text for text in texts if isinstance(text, str)]
            if len(set(named)) == len(keys):
                yield from zip(named, values, strict=True)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            if all(each.arg for each in keywords):
                yield from ((each.arg or "", each.value) for each in keywords)


def _free(facts: Facts, owner: str, key: str, taken: set[str]) -> str:
    """The key where it is a name that nothing else has, else one with the dictionary's before."""
    name = "".join(char if char.isalnum() else "_" for char in key)
    used = {*facts.touching, *facts.vocabulary.aliases, *taken}
    fits = name.isidentifier() and not keyword.iskeyword(name) and name not in used
    name = name if fits else f"{owner}_{name}"
    while name in used:
        name += "_"
    return name
