"""Which statements make the model, wherever they stand."""

from __future__ import annotations

import ast
from dataclasses import replace

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement, written
from nbfed.diagnostics import Diagnostic
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.functions import trains
from nbfed.plan.notes import note, place
from nbfed.plan.rules import Context
from nbfed.plan.settings import Settings
from nbfed.plan.slice import Slice, Slicer
from nbfed.roles import Role


def role_slice(facts: Facts, settings: Settings, role: Role) -> Slice:
    """The slice of a role's statements as they stand."""
    own = facts.of_role(role)
    end = max((item.order for item in own), default=-1) + 1
    return Slicer(facts, Context(facts, settings).judge, role, end).run(own)


def made_in_training(facts: Facts, settings: Settings) -> Completed:
    """What makes or alters the model at the start of a training region belongs to `model`.

    In a federation it would undo, every round, what the round has begun with.
    """
    statements = list(facts.statements)
    problems: list[Diagnostic] = []
    for item in facts.of_role(Role.TRAIN):
        if trains(facts, item):
            break
        if _makes_model(facts, item) or _alters_model(facts, item):
            statements[item.order] = replace(item, role=Role.MODEL)
            problems.append(
                note(
                    facts,
                    "NBF316",
                    item,
                    "this statement makes the model, so it is compiled as part of `model`",
                )
            )
    if not problems:
        return unchanged(facts)
    return Completed(tuple(statements), tuple(problems))


def _makes_model(facts: Facts, statement: Statement) -> bool:
    """Whether a module is made anew: not `model = model.to(device)`."""
    fact = facts.fact(statement)
    made = [name for name in statement.names.bound if fact.kinds.get(name) is Kind.MODULE]
    return (
        bool(made)
        and not statement.is_definition
        and Role.MODEL not in fact.origins
        and isinstance(statement.node, (ast.Assign, ast.AnnAssign, ast.If))
    )


def _alters_model(facts: Facts, statement: Statement) -> bool:
    """Whether a part of the model is replaced, filled, or initialised."""
    fact = facts.fact(statement)
    changed = [name for name in statement.names.changes if fact.kinds.get(name) is Kind.MODULE]
    if not changed:
        return False
    match statement.node:
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method))):
            return method in ("apply", "load_state_dict", "add_module")
        case ast.For():
            return fact.harmless
        case _:
            return False


def evaluated_weights(facts: Facts, settings: Settings) -> Completed:
    """Evaluation gets the federation's weights: what loads or makes a model there is left out."""
    if not facts.of_role(Role.EVALUATE):
        return unchanged(facts)
    main = _main_model(facts, settings)
    if not main:
        return unchanged(facts)
    statements: list[Statement] = []
    problems: list[Diagnostic] = []
    between = _between_training_and_evaluation(facts)
    for item in facts.statements:
        own = item.role is Role.EVALUATE
        if (own and _replaces_weights(facts, item)) or (
            item.order in between and _loads_into_module(facts, item)
        ):
            problems.append(
                note(
                    facts,
                    "NBF317",
                    item,
                    "evaluation gets the federation's weights; these are left out",
                )
            )
            if own:
                for name in sorted(item.names.binds - {main}):
                    statements.append(written(f"{name} = {main}", item, Role.EVALUATE))
                continue
        statements.append(item)
    if not problems:
        return unchanged(facts)
    return Completed(tuple(statements), tuple(problems))


def _between_training_and_evaluation(facts: Facts) -> set[int]:
    """Statements without a role that run after training and before the evaluation is over."""
    trained = max((item.order for item in facts.of_role(Role.TRAIN)), default=0)
    # A call that the compiler writes stands at the end of the notebook, wherever its author's is.
    own = [item for item in facts.of_role(Role.EVALUATE) if not (item.text or item.is_definition)]
    end = max((item.order for item in own), default=0)
    return {item.order for item in facts.statements[trained:end] if item.role is None}


def _loads_into_module(facts: Facts, statement: Statement) -> bool:
    """``model.load_state_dict(...)``: the notebook goes on with other weights than it trained."""
    changed = (facts.fact(statement).kinds.get(name) for name in statement.names.changes)
    return Kind.MODULE in changed and _replaces_weights(facts, statement)


def _main_model(facts: Facts, settings: Settings) -> str:
    models = role_slice(facts, settings, Role.TRAIN).models
    return next(iter(models), "")


def _replaces_weights(facts: Facts, statement: Statement) -> bool:
    if statement.is_definition or len(statement.nodes) != 1:
        return False
    fact = facts.fact(statement)
    match statement.node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
            if fact.kinds.get(name) is Kind.MODULE and Role.MODEL not in fact.origins:
                return True
            return _is_load(facts, call) and _is_module_name(facts, statement, name)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=value, attr="load_state_dict"))):
            return isinstance(value, (ast.Name, ast.Attribute))
        case _:
            return False


def _is_load(facts: Facts, call: ast.Call) -> bool:
    dotted = facts.vocabulary.dotted(call.func) or ""
    return dotted in ("torch.load", "torch.jit.load", "joblib.load", "pickle.load")


def _is_module_name(facts: Facts, statement: Statement, name: str) -> bool:
    before = facts.before(name, statement.order)
    known = before is not None and facts.fact(before).kinds.get(name) is Kind.MODULE
    used = any(
        isinstance(part, ast.Call)
        and (
            (isinstance(part.func, ast.Name) and part.func.id == name)
            or (
                isinstance(part.func, ast.Attribute)
                and isinstance(part.func.value, ast.Name)
                and part.func.value.id == name
                and part.func.attr in ("eval", "load_state_dict")
            )
        )
        for item in facts.of_role(Role.EVALUATE)
        for node in item.nodes
        for part in ast.walk(node)
    )
    return known or used


def other_names(facts: Facts, settings: Settings) -> Completed:
    """One model by two names: `trained = train(model)`, then `trained` is evaluated."""
    own = facts.of_role(Role.TRAIN)
    if not own:
        return unchanged(facts)
    train = role_slice(facts, settings, Role.TRAIN)
    main = next(iter(train.models), "")
    if not main:
        return unchanged(facts)
    statements = list(facts.statements)
    evaluated = role_slice(facts, settings, Role.EVALUATE).models
    others = [
        name
        for name, last in evaluated.items()
        if name not in train.models and last.order >= own[0].order
    ]
    tests = facts.of_role(Role.EVALUATE)
    insertions: list[tuple[int, Statement]] = [
        (tests[0].order, written(f"{name} = {main}", tests[0], Role.EVALUATE)) for name in others
    ]
    trained = _trained_name(facts, own, main, others, evaluated)
    if trained:
        insertions.append((own[-1].order + 1, written(f"{main} = {trained}", own[-1], Role.TRAIN)))
    for at, new in sorted(insertions, key=lambda pair: -pair[0]):
        statements.insert(at, new)
    return Completed(tuple(statements)) if insertions else unchanged(facts)


def _trained_name(
    facts: Facts,
    own: tuple[Statement, ...],
    main: str,
    others: list[str],
    evaluated: dict[str, Statement],
) -> str:
    """Another name that the trained model has when training ends."""
    for item in reversed(own):
        if item.is_definition:
            continue
        fact = facts.fact(item)
        for name in sorted(item.names.binds):
            if name == main or fact.kinds.get(name) is not Kind.MODULE:
                continue
            if Role.MODEL in fact.origins and (name in others or main not in evaluated):
                return name
    return ""


__all__ = ["evaluated_weights", "made_in_training", "other_names", "place", "role_slice"]
