"""Whether a function's statements can stand by themselves, in the place of its call."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.facts import Facts
from nbfed.analyse.origins import function_reads, through_functions
from nbfed.analyse.scopes import Bindings, all_parameters
from nbfed.analyse.statements import Statement
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.roles import Role


def why_closed(
    facts: Facts,
    definition: Statement,
    function: FunctionDef,
    at: Statement,
    call: ast.Call | None,
) -> str | None:
    """Why the function's statements cannot stand by themselves, if they cannot."""
    why = _shape(function, call) or _used_twice(facts, function, call)
    if why is not None:
        return why
    name = _other_meaning(facts, definition, function, at, call)
    return name and f"its name `{name}` means something else in the notebook"


def needed_parameters(function: FunctionDef) -> list[str]:
    """Names of a function's parameters that have no default."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    needed = plain[: len(plain) - len(arguments.defaults)]
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return [arg.arg for arg in (*needed, *(arg for arg, default in pairs if default is None))]


def _shape(function: FunctionDef, call: ast.Call | None) -> str | None:
    arguments = function.args
    returns = [n for n in own_nodes(function.body) if isinstance(n, ast.Return)]
    inside = [n for n in returns if n is not function.body[-1]]
    others = (ast.Yield, ast.YieldFrom, ast.Await, ast.Nonlocal)
    starred = call is not None and (
        any(isinstance(part, ast.Starred) for part in call.args)
        or any(keyword.arg is None for keyword in call.keywords)
    )
    if function.decorator_list or arguments.vararg or arguments.kwarg or starred:
        return "has decorators or stars"
    if inside or any(isinstance(node, others) for node in own_nodes(function.body)):
        return "returns from within"
    if function.body[0].lineno == function.lineno:
        return "is written on one line"
    if call is None and needed_parameters(function):
        return "nothing calls it"
    return None


def _used_twice(facts: Facts, function: FunctionDef, call: ast.Call | None) -> str | None:
    uses = sum(
        isinstance(part, ast.Name) and part.id == function.name and isinstance(part.ctx, ast.Load)
        for item in facts.statements
        for node in item.nodes
        for part in ast.walk(node)
    )
    return "is used more than once" if uses > (call is not None) else None


def _other_meaning(
    facts: Facts,
    definition: Statement,
    function: FunctionDef,
    at: Statement,
    call: ast.Call | None,
) -> str | None:
    """A name of the function's own that others know as something else."""
    bindings = Bindings.of(*function.body)
    passed = {name for name, value in arguments_of(function, call) if ast.unparse(value) == name}
    own = bindings.names - bindings.declared_global
    own |= {argument.arg for argument in all_parameters(function.args)}
    inside = {ast.dump(node) for node in function.body}
    reads = through_functions(
        function_reads(facts.statements), {name: frozenset({name}) for name in own - passed}
    )
    for name in sorted(own - passed):
        others = [
            facts.statements[order]
            for order in facts.touching.get(name, ())
            if order not in (definition.order, at.order)
        ]
        if not any(name in item.names.bound for item in others):
            continue
        if all(ast.dump(node) in inside for item in others for node in item.nodes):
            continue
        for item in facts.statements:
            if item.order > at.order and name in item.names.reads:
                return name
            if item.role is Role.EVALUATE and name in item.names.deferred:
                return name
        if any(name in reads.get(called, ()) for called in definition.names.deferred):
            return name
    return None


def arguments_of(function: FunctionDef, call: ast.Call | None) -> Iterator[tuple[str, ast.expr]]:
    """Each parameter and the expression that it has in the call."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    values: dict[str, ast.expr] = {}
    defaults = zip(reversed(plain), reversed(arguments.defaults), strict=False)
    values.update({argument.arg: default for argument, default in defaults})
    for argument, given in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if given is not None:
            values[argument.arg] = given
    if call is not None:
        values.update({a.arg: value for a, value in zip(plain, call.args, strict=False)})
        values.update({k.arg: k.value for k in call.keywords if k.arg})
    for argument in (*plain, *arguments.kwonlyargs):
        if argument.arg in values:
            yield argument.arg, values[argument.arg]
