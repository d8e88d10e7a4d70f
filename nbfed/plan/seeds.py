"""Seeds that the notebook sets: the federation seeds every site and round by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note
from nbfed.roles import Role

_SEEDS = re.compile(
    r"torch\.(cuda\.)?manual_seed(_all)?|random\.seed|numpy\.random\.seed|"
    r"monai\.utils\.set_determinism|.*\.(seed_everything|set_seed|seed_all|fix_seed)|"
    r"(set|fix|init|setup)_(all_|random_)?(seeds?|random_state|determinism)|seed_(everything|all|it)|\w*seed\w*"
)


def notebook_seed(facts: Facts) -> int | None:
    """The first seed that the notebook sets, where it can be read off."""
    for statement in facts.statements:
        for call in _seed_calls(facts, statement):
            value = _value(facts, statement, call)
            if value is not None:
                return value
    return None


def seeds_in_roles(facts: Facts) -> list[Diagnostic]:
    """Seeds that training or evaluation set anew in every round."""
    return [
        note(
            facts,
            "NBF209",
            statement,
            f"`{statement.role}` sets a seed, so every round at every site draws the same numbers",
            "remove the line: the federation seeds each site and round from its own seed",
            call,
        )
        for role in (Role.TRAIN, Role.EVALUATE)
        for statement in facts.of_role(role)
        for call in _seed_calls(facts, statement)
    ]


def _seed_calls(facts: Facts, statement: Statement) -> Iterator[ast.Call]:
    """Calls at top level that do nothing but seed."""
    for node in statement.nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            dotted = facts.vocabulary.dotted(node.value.func) or ""
            if _SEEDS.fullmatch(dotted):
                yield node.value


def _value(facts: Facts, statement: Statement, call: ast.Call) -> int | None:
    given = [*call.args, *(k.value for k in call.keywords if k.arg and "seed" in k.arg)]
    if not given and isinstance(call.func, ast.Name):
        function = facts.vocabulary.functions.get(call.func.id)
        given = list(function.args.defaults[:1]) if function else []
    return _number(facts, given[0], statement.order) if given else None


def _number(facts: Facts, node: ast.expr, before: int) -> int | None:
    """The number that an expression stands for, where the text says it."""
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number if 0 <= number < 2**32 else None
        case ast.Name(id=name):
            found = facts.before(name, before)
            value = _assigned(found.nodes, name) if found else None
            return _number(facts, value, found.order) if found and value else None
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            body = facts.vocabulary.classes[owner].body if owner in facts.vocabulary.classes else []
            value = _assigned(body, name)
            return _number(facts, value, before) if value else None
        case _:
            return None


def _assigned(nodes: Sequence[ast.stmt], name: str) -> ast.expr | None:
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=bound)], value=assigned) if bound == name:
                return assigned
            case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr() as assigned):
                if bound == name:
                    return assigned
    return None
