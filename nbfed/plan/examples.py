"""Which data result counts a site's examples."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbfed.analyse.facts import Facts
from nbfed.analyse.scopes import all_parameters
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.plan.slice import Slice
from nbfed.roles import Role

# Calls inside calls that are followed; nobody's training loop lies deeper.
_DEEPEST = 40


@dataclass(frozen=True)
class _Loop:
    """A loop that runs in a stage: what it runs over, and how deep it lies."""

    over: ast.expr
    body: ast.AST
    depth: int


def examples_of(facts: Facts, role: Role, found: Slice) -> str:
    """The data argument of the stage whose length weighs a site.

    ``examples=`` settles it; else it is what the innermost loop around ``.backward()`` runs
    over, in an evaluation the first loop; functions are followed to the arguments of their
    calls. Where no loop runs over data, it is the first data argument.
    """
    for statement in facts.of_role(role):
        if "examples" in statement.options:
            return statement.options["examples"]
    names = set(found.data)
    bound: dict[str, ast.expr] = {}
    loops = [
        loop
        for statement in facts.of_role(role)
        if not statement.is_definition
        for node in statement.nodes
        for loop in _loops(facts, node, bound, frozenset(), 0)
    ]
    training = [loop for loop in loops if _trains(loop.body)]
    if role is Role.TRAIN and training:
        loops = sorted(training, key=lambda loop: -loop.depth)
    overs: list[ast.AST] = [loop.over for loop in loops]
    if not any(name in names for over in overs for name in _names(over)):
        overs = list(_handed_over(facts, role))
    for over in overs:
        for name in _names(over):
            if name in names:
                return name
    return _most_telling(facts, role, found)


_TRAINING = re.compile(r"train|trn", re.I)


def _most_telling(facts: Facts, role: Role, found: Slice) -> str:
    """Of the data that a stage takes, what its name says is for it; else the first that is read."""
    order = {
        name: place
        for place, name in enumerate(
            name for item in facts.of_role(role) for name in item.names.reads
        )
    }
    training = role is Role.TRAIN
    return min(
        found.data,
        key=lambda name: (bool(_TRAINING.search(name)) != training, order.get(name, len(order))),
        default="",
    )


def _handed_over(facts: Facts, role: Role) -> Iterator[ast.AST]:
    """What a framework's call gets: ``trainer.fit(model, loader)``."""
    for statement in facts.of_role(role):
        for node in statement.nodes:
            for part in ast.walk(node):
                match part:
                    case ast.Call(func=ast.Attribute(attr="fit" | "test" | "validate" | "run")):
                        yield from sorted(
                            part.keywords, key=lambda k: not (k.arg or "").startswith("train")
                        )
                        yield from part.args


def _loops(
    facts: Facts, node: ast.AST, bound: dict[str, ast.expr], seen: frozenset[str], depth: int
) -> Iterator[_Loop]:
    """Loops that run when ``node`` runs; ``bound`` maps local names to what they stand for."""
    inside = depth
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.ClassDef():
            return
        case ast.For() | ast.AsyncFor():
            yield _Loop(_substituted(node.iter, bound), node, depth)
            inside = depth + 1
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            # `bar = tqdm(loader)`, and then the loop runs over `bar`.
            bound[name] = _substituted(value, bound)
        case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
            bound[name] = _substituted(value, bound)  # `with tqdm(loader) as bar:`
        case ast.Call(func=ast.Name(id=name)) if name not in seen and len(seen) < _DEEPEST:
            function = facts.vocabulary.functions.get(name)
            if function is not None:
                inner = _arguments(function, node, bound)
                for statement in function.body:
                    yield from _loops(facts, statement, inner, seen | {name}, depth + 1)
        case ast.Call(func=ast.Attribute(attr=name)) if name not in seen and len(seen) < _DEEPEST:
            method = _only_method(facts, name)
            if method is not None:
                inner = _arguments(method, node, bound, first=1)
                for statement in method.body:
                    yield from _loops(facts, statement, inner, seen | {name}, depth + 1)
    for child in ast.iter_child_nodes(node):
        yield from _loops(facts, child, bound, seen, inside)


def _only_method(facts: Facts, name: str) -> FunctionDef | None:
    """The notebook's method of that name, if a single class has one."""
    found = [
        part
        for node in facts.vocabulary.classes.values()
        for part in node.body
        if isinstance(part, ast.FunctionDef) and part.name == name
    ]
    is_static = len(found) == 1 and bool(found[0].decorator_list)
    return found[0] if len(found) == 1 and not is_static else None


def _arguments(
    function: FunctionDef, call: ast.Call, bound: Mapping[str, ast.expr], first: int = 0
) -> dict[str, ast.expr]:
    names = [argument.arg for argument in all_parameters(function.args)][first:]
    given = {
        name: _substituted(value, bound) for name, value in zip(names, call.args, strict=False)
    }
    given.update({k.arg: _substituted(k.value, bound) for k in call.keywords if k.arg is not None})
    return given


def _substituted(node: ast.expr, bound: Mapping[str, ast.expr]) -> ast.expr:
    """The expression over a stage's own names that ``node`` stands for."""
    return next((bound[name] for name in _names(node) if name in bound), node)


def _names(node: ast.AST) -> list[str]:
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]


def _trains(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Attribute) and part.attr == "backward" for part in ast.walk(node)
    )
