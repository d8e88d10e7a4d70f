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
from nbfed.analyse.statements import Statement, written
from nbfed.diagnostics import Diagnostic, has_errors
from nbfed.plan.calling import bound_call, called, settled_text
from nbfed.plan.calls import Call, best_evaluation, calls_of, method_calls
from nbfed.plan.completed import Completed, inserted, unchanged
from nbfed.plan.functions import entry_function, functions_in, only_defines
from nbfed.plan.notes import note
from nbfed.plan.returned import returned_names
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
    call, before, found = bound_call(facts, Role.DATA, statement, function, at)
    if "call" in statement.options:
        call, before, found = statement.options["call"], (), []
    elif has_errors(found) and _called_by_a_function(facts, function.name):
        return unchanged(facts)  # whoever trains calls it then, with arguments of its own
    new = written(f"{', '.join(names)} = {call}", statement, Role.DATA)
    return Completed(inserted(facts, at, *before, new), (*problems, *found))


def _called_by_a_function(facts: Facts, name: str) -> bool:
    return any(
        name in item.names.deferred and item.role is not Role.DATA for item in facts.statements
    )


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
        return called(facts, role, statement, function, statement.options["call"], problems)
    roles = (None, Role.INCLUDE) if role is Role.TRAIN else (None, Role.INCLUDE, Role.TRAIN)
    calls = calls_of(facts, function.name, roles)
    if role is Role.TRAIN and calls:
        return _driven(facts, calls)
    if calls:
        call = best_evaluation(calls)
        if _assigns_it(call) and call.statement.role is None:
            return _adopted(facts, call.statement, role)
        text = settled_text(facts, call)
        if text is not None:
            return called(facts, role, statement, function, text, problems)
    text, before, found = bound_call(facts, role, statement, function, len(facts.statements))
    return called(facts, role, statement, function, text, [*problems, *found], before)


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
