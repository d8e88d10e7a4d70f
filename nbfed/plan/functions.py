"""Roles that only define functions: which of them is meant, and how the author calls it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.analyse.values import own_nodes
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note
from nbfed.roles import Role

_USUAL_NAMES = {
    Role.DATA: re.compile(
        r".*(load|get|make|prepare|create|build|setup).*data.*|.*data.*|.*loader.*", re.I
    ),
    Role.TRAIN: re.compile(r".*(train|fit|learn|run_epoch|optimi[sz]e).*", re.I),
    Role.EVALUATE: re.compile(r".*(test|eval|valid|accuracy|metric|score|predict).*", re.I),
}


@dataclass(frozen=True)
class Call:
    """A call of a role's function that the notebook makes at top level."""

    statement: Statement
    call: ast.Call


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
        lambda node: role is not Role.TRAIN or _trains(facts, node),
        lambda node: bool(_USUAL_NAMES[role].fullmatch(node.name)),
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


def _trains(facts: Facts, node: FunctionDef, seen: frozenset[str] = frozenset()) -> bool:
    """Whether the function, or one that it calls, goes backward."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in ("backward", "fit", "manual_backward"):
            return True
    functions = facts.vocabulary.functions
    return any(
        _trains(facts, functions[name], seen | {node.name})
        for name in _names_called(node)
        if name in functions and name not in seen | {node.name}
    )


def trains(facts: Facts, statement: Statement) -> bool:
    """Whether running the statement goes backward, itself or through a function or method."""
    if statement.is_definition:
        return False
    for node in own_nodes(list(statement.nodes)):
        match node:
            case ast.Attribute(attr="backward" | "step" | "fit" | "manual_backward"):
                return True
            case ast.Call(func=ast.Name(id=name)) if name in facts.vocabulary.functions:
                if _trains(facts, facts.vocabulary.functions[name]):
                    return True
    return False


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
        return bool(_USUAL_NAMES[role].fullmatch(method))
    seen: set[str] = set()
    todo = [method]
    while todo:
        name = todo.pop()
        if name in seen or name not in methods:
            continue
        seen.add(name)
        if _trains(facts, methods[name]):
            return True
        todo.extend(
            node.attr for node in ast.walk(methods[name]) if isinstance(node, ast.Attribute)
        )
    return False


def _running_calls(statement: Statement) -> Iterator[ast.Call]:
    for node in own_nodes(list(statement.nodes)):
        if isinstance(node, ast.Call):
            yield node


def returned_names(function: FunctionDef) -> tuple[str, ...]:
    """Names for what ``function`` returns, one an element of a tuple, () for nothing."""
    values = [
        node.value
        for node in own_nodes(function.body)
        if isinstance(node, ast.Return)
        and node.value is not None
        and not (isinstance(node.value, ast.Constant) and node.value.value is None)
    ]
    if not values:
        return ()
    last = values[-1]
    parts = last.elts if isinstance(last, ast.Tuple) else [last]
    names: list[str] = []
    for place, part in enumerate(parts):
        name = _name_for(part) or f"{function.name}_{place + 1}"
        names.append(name if name not in names else f"{name}_{place + 1}")
    return tuple(names)


def _name_for(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Dict():
            return "metrics"
        case ast.Starred(value=value):
            return _name_for(value)
    words = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    for word in sorted(words):
        if re.search(r"train|test|val", word, re.I) and isinstance(node, ast.Call):
            kind = re.search(r"train|test|val", word, re.I)
            return f"{kind.group(0).lower()}_loader" if kind else ""
    for pattern, name in (("correct|acc", "accuracy"), ("loss", "loss")):
        if any(re.search(pattern, word, re.I) for word in words):
            return name
    return ""


def best_evaluation(calls: Sequence[Call]) -> Call:
    """The call on test data rather than on training data; of equals, the last."""

    def rank(call: Call) -> int:
        text = " ".join(ast.unparse(part) for part in (*call.call.args, *call.call.keywords))
        for score, word in ((2, "test"), (1, "val"), (-1, "train")):
            if word in text.lower():
                return score
        return 0

    return max(reversed(calls), key=rank)
