"""How the notebook itself calls a role's functions and methods."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.plan.functions import USUAL_NAMES, function_trains
from nbfed.roles import Role


@dataclass(frozen=True)
class Call:
    """A call of a role's function that the notebook makes at top level."""

    statement: Statement
    call: ast.Call


def calls_of(facts: Facts, name: str, roles: Sequence[Role | None]) -> list[Call]:
    """Calls of the function ``name`` that statements of these roles make when they run."""
    return [
        Call(item, node)
        for item in facts.statements
        if item.role in roles and name in item.names.reads and not item.is_definition
        for node in _running_calls(item)
        if isinstance(node.func, ast.Name) and node.func.id == name
    ]


def method_calls(facts: Facts, role: Role, roles: Sequence[Role | None]) -> list[Call]:
    """Calls of a method that does the role's work, on an object of a class of the role's."""
    classes = {
        node.name: node
        for item in facts.of_role(role)
        for node in item.nodes
        if isinstance(node, ast.ClassDef)
    }
    found: list[Call] = []
    for item in facts.statements if classes else ():
        if item.is_definition or item.role not in roles:
            continue
        for call in _running_calls(item):
            match call.func:
                case ast.Attribute(value=ast.Name(id=name), attr=method):
                    owner = _class_of(facts, name, item.order)
                    if owner in classes and _works(facts, role, classes[owner], method):
                        found.append(Call(item, call))
    return found


def _class_of(facts: Facts, name: str, before: int) -> str:
    made = facts.before(name, before)
    for node in made.nodes if made else ():
        match node:
            case ast.Assign(value=ast.Call(func=ast.Name(id=owner))):
                return owner
    return ""


def _works(facts: Facts, role: Role, owner: ast.ClassDef, method: str) -> bool:
    """Whether the method does what the role is for."""
    methods = {node.name: node for node in owner.body if isinstance(node, ast.FunctionDef)}
    if role is not Role.TRAIN:
        return bool(USUAL_NAMES[role].fullmatch(method))
    seen: set[str] = set()
    todo = [method]
    while todo:
        name = todo.pop()
        if name in seen or name not in methods:
            continue
        seen.add(name)
        if function_trains(facts, methods[name]):
            return True
        todo.extend(
            node.attr for node in ast.walk(methods[name]) if isinstance(node, ast.Attribute)
        )
    return False


def _running_calls(statement: Statement) -> Iterator[ast.Call]:
    for node in own_nodes(list(statement.nodes)):
        if isinstance(node, ast.Call):
            yield node


def best_evaluation(calls: Sequence[Call]) -> Call:
    """The call on test data rather than on training data; of equals, the last."""

    def rank(call: Call) -> int:
        text = " ".join(ast.unparse(part) for part in (*call.call.args, *call.call.keywords))
        for score, word in ((2, "test"), (1, "val"), (-1, "train")):
            if word in text.lower():
                return score
        return 0

    return max(reversed(calls), key=rank)
