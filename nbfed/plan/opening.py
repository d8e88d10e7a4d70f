"""A `main()` that makes what it trains, or loads its data: opened, as if it had no `def`.

What it makes belongs to other stages, which a function's own names would hide from them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbfed.analyse.bodies import module_parameters
from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement, inner_statements, written
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.diagnostics import Diagnostic
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.functions import entry_function, function_trains, only_defines
from nbfed.plan.made import models_made
from nbfed.plan.notes import note
from nbfed.plan.openable import arguments_of, needed_parameters, why_closed
from nbfed.plan.settings import Settings
from nbfed.roles import Role

_CALLERS = (Role.TRAIN, Role.MODEL, None, Role.INCLUDE)


def opened_functions(facts: Facts, settings: Settings) -> Completed:
    """Put the body of a training function that makes its model where it is called."""
    found = _call_to_open(facts)
    if found is None:
        return unchanged(facts)
    definition, function, at, call = found
    trains = function_trains(facts, function)
    why = why_closed(facts, definition, function, at, call)
    if why is not None:
        # What only makes a model with its optimizer is refused where they are needed.
        problems = (_refused(facts, definition, function, why),) if trains else ()
        return unchanged(facts, *problems)
    body = [*_given(facts, function, call, at), *_body(facts, definition, function, at)]
    statements: list[Statement] = []
    for item in facts.statements:
        if item.order == at.order:
            statements.extend(body)
        if item.order not in (definition.order, at.order):
            statements.append(item)
    problem = note(
        facts,
        "NBF316",
        definition,
        f"`{function.name}` makes {'what it trains' if trains else 'the model and more'}, so its "
        "statements are compiled one by one",
        node=function,
    )
    return Completed(tuple(statements), (problem,))


_Opened = tuple[Statement, FunctionDef, Statement, ast.Call | None]


def _call_to_open(facts: Facts) -> _Opened | None:
    """The definition of a function that trains what it makes, and the statement that calls it."""
    for item in facts.statements:
        if item.role not in _CALLERS or item.is_definition or len(item.nodes) != 1:
            continue
        call = _plain_call(item.node)
        if call is None or not isinstance(call.func, ast.Name):
            continue
        found = _definition(facts, call.func.id, item.order)
        if found is not None and Role.TRAIN in (item.role, found[0].role):
            return *found, item, call
        factory = _factory(facts, item, call.func.id)
        if factory is not None:
            return *factory, item, call
    if only_defines(facts, Role.TRAIN):
        entry, _ = entry_function(facts, Role.TRAIN)
        if entry is not None:
            statement, function = entry
            called = any(function.name in item.names.reads for item in facts.statements)
            found = _definition(facts, function.name, len(facts.statements))
            if found is not None and not called and found[0].order == statement.order:
                return *found, statement, None
    return None


def _factory(facts: Facts, item: Statement, name: str) -> tuple[Statement, FunctionDef] | None:
    """The function that makes the model and something else, in `net, optimizer = build()`."""
    match item.node:
        case ast.Assign(targets=[ast.Tuple()], value=ast.Call() as call):
            found = facts.before(name, item.order)
        case _:
            return None
    if found is None or len(found.nodes) != 1 or found.text:
        return None
    function = found.node
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    kinds = facts.values.returned(name)
    several = len(kinds) > 1 and Kind.MODULE in kinds and set(kinds) != {Kind.MODULE}
    if not several or why_closed(facts, found, function, item, call):
        return None
    return found, function


def _plain_call(node: ast.stmt) -> ast.Call | None:
    match node:
        case ast.Expr(value=ast.Call() as call):
            return call
        case ast.Assign(targets=[_], value=ast.Call() as call):
            return call
        case _:
            return None


def _definition(facts: Facts, name: str, before: int) -> tuple[Statement, FunctionDef] | None:
    """The function of that name, if it trains and makes what belongs to another stage."""
    item = facts.before(name, before)
    if item is None or len(item.nodes) != 1 or item.text:
        return None
    function = item.node
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    if not function_trains(facts, function):
        return None
    makes = _makes_model(facts, function) or _makes_data(facts, item, function)
    return (item, function) if makes or _calls_such(facts, function, before, {name}) else None


def _makes_model(facts: Facts, function: FunctionDef) -> bool:
    return bool(models_made(facts, function.body, module_parameters(function)))


def _calls_such(facts: Facts, function: FunctionDef, before: int, seen: set[str]) -> bool:
    """Whether one of its own statements calls a function that has to be opened."""
    for node in function.body:
        call = _plain_call(node)
        if call is None or not isinstance(call.func, ast.Name) or call.func.id in seen:
            continue
        seen.add(call.func.id)
        if _definition(facts, call.func.id, before) is not None:
            return True
    return False


def _makes_data(facts: Facts, item: Statement, function: FunctionDef) -> bool:
    """Whether it loads data itself, and uses none that a data region loads."""
    loaded = {name for part in facts.of_role(Role.DATA) for name in part.names.bound}
    loaded -= {
        n for part in facts.of_role(Role.DATA) if part.is_definition for n in part.names.bound
    }
    if needed_parameters(function) or loaded & item.names.deferred.keys():
        return False
    kinds = facts.values.local_kinds(function.body).values()
    return Kind.DATASET in kinds or Kind.LOADER in kinds


def _refused(facts: Facts, definition: Statement, function: FunctionDef, why: str) -> Diagnostic:
    made = models_made(facts, function.body, module_parameters(function))
    return note(
        facts,
        "NBF325",
        definition,
        f"`{function.name}` makes the model that it trains, and {why}: every round would begin "
        "with new weights",
        "make the model before the function, in the model region, and give it as an argument: "
        f"`model = Net()`, `{function.name}(model)`",
        made[0] if made else function,
    )


def _given(
    facts: Facts, function: FunctionDef, call: ast.Call | None, at: Statement
) -> Iterator[Statement]:
    role = Role.TRAIN if function_trains(facts, function) else at.role
    for name, value in arguments_of(function, call):
        text = ast.unparse(value)
        if text != name:
            yield written(f"{name} = {text}", at, role)


def _body(
    facts: Facts, definition: Statement, function: FunctionDef, at: Statement
) -> Iterator[Statement]:
    body = list(function.body)
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    last = body[-1] if body else None
    if isinstance(last, ast.Return):
        body = body[:-1]
    body = [node for node in body if not isinstance(node, ast.Global)]
    role = Role.TRAIN if function_trains(facts, function) else at.role
    yield from inner_statements(definition, body, facts.notebook, role)
    match at.node, last:
        case ast.Assign(targets=[target]), ast.Return(value=ast.expr() as value):
            for text in _bound(target, value):
                yield written(text, at, role)


def _bound(target: ast.expr, value: ast.expr) -> list[str]:
    """Assignments of what the function returns, each name by itself where they are apart."""
    pairs = [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        read = [
            (place, part.id)
            for place, inner in enumerate(value.elts)
            for part in ast.walk(inner)
            if isinstance(part, ast.Name)
        ]
        crossed = any(
            isinstance(inner, ast.Name) and inner.id == name and place != at
            for place, inner in enumerate(target.elts)
            for at, name in read
        )
        if not crossed and len(target.elts) == len(value.elts):
            pairs = list(zip(target.elts, value.elts, strict=True))
    texts = [(ast.unparse(left), ast.unparse(right)) for left, right in pairs]
    return [f"{left} = {right}" for left, right in texts if left != right]
