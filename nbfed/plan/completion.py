"""Complete a notebook: write the calls that it leaves to the reader.

A notebook that only defines `train(net, loader)` says what one round is, but not with what. Each
step here looks at the notebook as it stands and gives back its statements with what was missing
put in, so that everything after it sees one style alone: statements that run from top to bottom.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement, written
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.diagnostics import Diagnostic
from nbfed.plan.binding import Binding, bind, offers_of
from nbfed.plan.completed import Completed, inserted, unchanged
from nbfed.plan.functions import (
    Call,
    best_evaluation,
    calls_of,
    entry_function,
    functions_in,
    method_calls,
    only_defines,
    returned_names,
)
from nbfed.plan.measuring import returning
from nbfed.plan.notes import note, place
from nbfed.plan.settings import Settings
from nbfed.roles import Role


def site_wrappers(facts: Facts, settings: Settings) -> Completed:
    """``DATA = Path("x")`` in a site region: the key is the text, the notebook uses the path."""
    if not settings.wrappers:
        return unchanged(facts)
    found: list[Statement] = []
    for statement in facts.statements:
        found.append(statement)
        for name in statement.names.bound:
            wrapper = settings.wrappers.get(name)
            if wrapper and settings.bound_by.get((statement.order, name)) is Role.SITE:
                found.append(written(f"{name} = {wrapper}", statement, None))
    return Completed(tuple(found))


def data_call(facts: Facts, settings: Settings) -> Completed:
    """Call the function that loads the data, unless the notebook does."""
    if not only_defines(facts, Role.DATA):
        return unchanged(facts)
    functions = [node for item in facts.of_role(Role.DATA) for node in functions_in(item)]
    if any(calls_of(facts, node.name, _CALLERS) for node in functions):
        return unchanged(facts)
    entry, problems = entry_function(facts, Role.DATA)
    if entry is None:
        return unchanged(facts, *problems)
    statement, function = entry
    names = returned_names(function)
    if not names:
        problem = note(
            facts,
            "NBF301",
            statement,
            f"`{function.name}` returns nothing, so training gets no data from it",
            "let it return the loaders: `return train_loader, test_loader`",
        )
        return unchanged(facts, problem)
    at = _before_users(facts)
    binding = bind(function, Role.DATA, offers_of(facts, at), ())
    problems = [*problems, *_unbound(facts, Role.DATA, statement, function, binding)]
    text = f"{', '.join(names)} = {_call_text(function, binding)}"
    return Completed(inserted(facts, at, written(text, statement, Role.DATA)), tuple(problems))


_CALLERS = (None, Role.DATA, Role.INCLUDE, Role.MODEL, Role.TRAIN, Role.EVALUATE)


def _before_users(facts: Facts) -> int:
    """The number of the first statement that uses what a call prepares, else the end."""
    for role in (Role.TRAIN, Role.EVALUATE):
        if not only_defines(facts, role):
            for item in facts.of_role(role):
                return item.order
    return len(facts.statements)


def train_call(facts: Facts, settings: Settings) -> Completed:
    """Train as the notebook does, or call its function by the names of its parameters."""
    return _role_call(facts, Role.TRAIN)


def evaluate_call(facts: Facts, settings: Settings) -> Completed:
    """Evaluate as the notebook does, or call its function by the names of its parameters."""
    return _role_call(facts, Role.EVALUATE)


def _role_call(facts: Facts, role: Role) -> Completed:
    if not only_defines(facts, role):
        return unchanged(facts)
    methods = method_calls(facts, role, (None, Role.INCLUDE))
    if methods:
        return _by_method(facts, role, methods)
    entry, problems = entry_function(facts, role)
    if entry is None:
        return unchanged(facts, *(problems or [_nothing_runs(facts, role)]))
    statement, function = entry
    if "call" in statement.options:
        return _called(facts, role, statement, function, statement.options["call"], problems)
    roles = (None, Role.INCLUDE) if role is Role.TRAIN else (None, Role.INCLUDE, Role.TRAIN)
    calls = calls_of(facts, function.name, roles)
    if role is Role.TRAIN and calls:
        return _driven(facts, calls)
    if calls:
        call = best_evaluation(calls)
        if _assigns_it(call) and call.statement.role is None:
            return _adopted(facts, call.statement, role)
        text = _with_loop_names_settled(facts, call)
        if text is not None:
            return _called(facts, role, statement, function, text, problems)
    at = len(facts.statements)
    models = _model_names(facts, at)
    binding = bind(function, role, offers_of(facts, at), models)
    problems = [*problems, *_unbound(facts, role, statement, function, binding)]
    return _called(facts, role, statement, function, _call_text(function, binding), problems)


def _by_method(facts: Facts, role: Role, calls: Sequence[Call]) -> Completed:
    """Take the statement that calls an object's method into the role."""
    if role is Role.TRAIN:
        return _driven(facts, calls)
    return _adopted(facts, best_evaluation(calls).statement, role)


def _nothing_runs(facts: Facts, role: Role) -> Diagnostic:
    return note(
        facts,
        "NBF301",
        facts.of_role(role)[-1],
        f"the {role} region only defines, and nothing in the notebook runs it",
        f"mark the statement that runs it as well: `# nbfed: {role}`",
    )


def _driven(facts: Facts, calls: Sequence[Call]) -> Completed:
    """Take the notebook's own statement that trains into the role."""
    own = {name for item in facts.of_role(Role.MODEL) for name in item.names.bound}

    def uses_model(call: Call) -> bool:
        return bool(call.statement.names.reads.keys() & own)

    chosen = next((call for call in calls if uses_model(call)), calls[0]).statement
    problem = note(
        facts,
        "NBF316",
        chosen,
        "this statement trains, so it is taken as part of `train`",
    )
    done = _adopted(facts, chosen, Role.TRAIN)
    return Completed(done.statements, (problem,))


def _adopted(facts: Facts, chosen: Statement, role: Role) -> Completed:
    statements = list(facts.statements)
    statements[chosen.order] = replace(chosen, role=role)
    return Completed(tuple(statements))


def _assigns_it(call: Call) -> bool:
    return any(
        isinstance(node, ast.Assign) and node.value is call.call for node in call.statement.nodes
    )


def _with_loop_names_settled(facts: Facts, call: Call) -> str | None:
    """The call's text; a loop's counter in it becomes 0, other loop names make it useless."""
    inner = call.statement.names.bound
    names = {
        part.id: part
        for part in ast.walk(call.call)
        if isinstance(part, ast.Name) and part.id in inner
    }
    if not names:
        return ast.unparse(call.call)
    counters = {
        part.id
        for node in call.statement.nodes
        for loop in ast.walk(node)
        if isinstance(loop, ast.For)
        for part in ast.walk(loop.target)
        if isinstance(part, ast.Name)
    }
    kept = {name for name in names if facts.before(name, call.statement.order) is not None}
    if not set(names) <= counters | kept:
        return None
    settled = _Settle(counters - kept).visit(ast.parse(ast.unparse(call.call), mode="eval"))
    return ast.unparse(settled)


class _Settle(ast.NodeTransformer):
    def __init__(self, counters: set[str]) -> None:
        self.counters = counters

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(0) if node.id in self.counters else node


def _called(
    facts: Facts,
    role: Role,
    statement: Statement,
    function: FunctionDef,
    call: str,
    problems: Sequence[Diagnostic],
) -> Completed:
    """Put a call behind everything else, its results bound by the names that are returned."""
    try:
        reads = {node.id for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Name)}
    except SyntaxError:
        problem = note(facts, "NBF301", statement, f"the option `call` is not Python: {call}")
        return unchanged(facts, *problems, problem)
    statements = list(facts.statements)
    returned = returned_names(function)
    if not returned and role is Role.EVALUATE:
        changed = returning(facts, statement, function)
        if changed is not None:
            statements[statement.order], returned = changed
    names = tuple(
        f"{role}_{name}" if name in reads and not _is_model(facts, name) else name
        for name in returned
    )
    text = f"{', '.join(names)} = {call}" if names else call
    return Completed((*statements, written(text, statement, role)), tuple(problems))


def _is_model(facts: Facts, name: str) -> bool:
    return name in _model_names(facts, len(facts.statements))


def _model_names(facts: Facts, before: int) -> tuple[str, ...]:
    """Names that hold a torch module just before statement ``before``."""
    found = []
    for name in facts.touching:
        last = facts.before(name, before)
        if last is not None and facts.fact(last).kinds.get(name) is Kind.MODULE:
            found.append(name)
    return tuple(found)


def _call_text(function: FunctionDef, binding: Binding) -> str:
    return f"{function.name}({', '.join(binding.arguments)})"


def _unbound(
    facts: Facts, role: Role, statement: Statement, function: FunctionDef, binding: Binding
) -> list[Diagnostic]:
    problems = []
    shown = ", ".join([*binding.arguments, *(f"{name}=..." for name in binding.missing)])
    for name in binding.missing:
        problems.append(
            note(
                facts,
                "NBF301",
                statement,
                f"nothing supplies the parameter `{name}` of `{function.name}`",
                f'say how to call it: `# nbfed: {role} call="{function.name}({shown})"`',
                _parameter_node(function, name),
            )
        )
    for name, candidates in dict(binding.ties).items():
        listed = ", ".join(f"`{candidate}`" for candidate in candidates)
        problems.append(
            note(
                facts,
                "NBF312",
                statement,
                f"the parameter `{name}` of `{function.name}` could be {listed}",
                f'say which: `# nbfed: {role} call="{function.name}(..., {name}={candidates[0]})"`',
                _parameter_node(function, name),
            )
        )
    return problems


def _parameter_node(function: FunctionDef, name: str) -> ast.AST:
    for node in ast.walk(function.args):
        if isinstance(node, ast.arg) and node.arg == name:
            return node
    return function


__all__ = [
    "Completed",
    "data_call",
    "evaluate_call",
    "place",
    "site_wrappers",
    "train_call",
]
