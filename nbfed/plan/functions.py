"""Roles that only define functions: which of them is meant, and how the author calls it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note
from nbfed.roles import Role

USUAL_NAMES = {
    Role.DATA: re.compile(
        r".*(load|get|make|prepare|create|build|setup).*data.*|.*data.*|.*loader.*", re.I
    ),
    Role.TRAIN: re.compile(r".*(train|fit|learn|run_epoch|optimi[sz]e).*", re.I),
    Role.EVALUATE: re.compile(r".*(test|eval|valid|accuracy|metric|score|predict).*", re.I),
}


def only_defines(facts: Facts, role: Role) -> bool:
    """Whether a role's regions run nothing themselves, but define functions or classes."""
    own = facts.of_role(role)
    defined = {name for item in own if item.is_definition for name in item.names.bound}
    return bool(defined) and all(
        item.is_import
        or item.is_definition
        or (facts.fact(item).harmless and not defined & item.names.reads.keys())
        for item in own
    )


def functions_in(statement: Statement) -> list[FunctionDef]:
    """The functions that a statement defines."""
    return [
        node
        for node in statement.nodes
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def entry_function(
    facts: Facts, role: Role
) -> tuple[tuple[Statement, FunctionDef] | None, list[Diagnostic]]:
    """The function of a role's regions that does the role's work."""
    defined = [(item, node) for item in facts.of_role(role) for node in functions_in(item)]
    if not defined:
        return None, []
    wanted = next((item.options["name"] for item, _ in defined if "name" in item.options), None)
    if wanted is not None:
        named = [pair for pair in defined if pair[1].name == wanted]
        if named:
            return named[-1], []
        problem = note(
            facts,
            "NBF301",
            defined[0][0],
            f"the {role} region defines no function `{wanted}`",
            f"it defines {', '.join(f'`{node.name}`' for _, node in defined)}",
        )
        return None, [problem]
    candidates = _narrowed(facts, role, defined)
    names = {node.name for _, node in candidates}
    if len(names) == 1:
        return candidates[-1], []
    listed = sorted(names)
    problem = note(
        facts,
        "NBF312",
        candidates[0][0],
        f"several functions could be what `{role}` runs: {', '.join(f'`{n}`' for n in listed)}",
        f"say which: `# nbfed: {role} name={listed[0]}`",
    )
    return None, [problem]


def _narrowed(
    facts: Facts, role: Role, defined: list[tuple[Statement, FunctionDef]]
) -> list[tuple[Statement, FunctionDef]]:
    """Drop candidates, test by test, as long as any are left."""
    called = {name for _, node in defined for name in _names_called(node) if name != node.name}
    outside = {
        name for item in facts.statements if not item.is_definition for name in item.names.reads
    }
    tests: list[Callable[[FunctionDef], bool]] = [
        lambda node: node.name not in called,
        lambda node: role is not Role.TRAIN or function_trains(facts, node),
        lambda node: bool(USUAL_NAMES[role].fullmatch(node.name)),
        lambda node: node.name in outside,
        lambda node: bool(re.match(rf"{role}|{_FIRST_WORD[role]}", node.name, re.I)),
    ]
    left = defined
    for test in tests:
        kept = [pair for pair in left if test(pair[1])]
        left = kept or left
    return left


_FIRST_WORD = {Role.DATA: "load", Role.TRAIN: "fit", Role.EVALUATE: "test|valid"}


def _names_called(node: ast.AST) -> set[str]:
    return {
        part.func.id
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)
    }


def function_trains(facts: Facts, node: FunctionDef) -> bool:
    """Whether the function, or one that it calls, goes backward."""
    functions = facts.vocabulary.functions
    seen = {node.name}
    todo: list[ast.AST] = [node]
    while todo:
        current = todo.pop()
        for part in ast.walk(current):
            if isinstance(part, ast.Attribute) and part.attr in _BACKWARD:
                return True
        for name in _names_called(current):
            if name in functions and name not in seen:
                seen.add(name)
                todo.append(functions[name])
    return False


_BACKWARD = frozenset({"backward", "fit", "manual_backward"})


def trains(facts: Facts, statement: Statement) -> bool:
    """Whether running the statement goes backward, itself or through a function or method."""
    if statement.is_definition:
        return False
    for node in own_nodes(list(statement.nodes)):
        match node:
            case ast.Attribute(attr="backward" | "step" | "fit" | "manual_backward"):
                return True
            case ast.Call(func=ast.Name(id=name)) if name in facts.vocabulary.functions:
                if function_trains(facts, facts.vocabulary.functions[name]):
                    return True
    return False
