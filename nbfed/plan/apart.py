"""One name for two data, `loader` for training and then for testing: both are kept."""

from __future__ import annotations

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement, written
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.models import role_slice
from nbfed.plan.settings import Settings
from nbfed.roles import Role


def kept_apart(facts: Facts, settings: Settings) -> Completed:
    """Save what a stage uses under a name of its own, where the data bind its name again later.

    The data are loaded before any stage runs, so that a stage would else get the last value.
    """
    users = [role for role in (Role.TRAIN, Role.EVALUATE) if facts.of_role(role)]
    insertions: list[tuple[int, Statement]] = []
    slices = {role: role_slice(facts, settings, role) for role in users}
    loading = {order for found in slices.values() for order in found.adopted}
    loading |= {item.order for item in facts.of_role(Role.DATA)}
    for role, found in slices.items():
        for name, used in found.data.items():
            again = any(
                order in loading and name in facts.statements[order].names.bound
                for order in facts.touching.get(name, ())
                if order > used.order
            )
            if not again or name not in used.names.bound:
                continue
            own = _unused(facts, f"{name}_for_{role}")
            insertions.append((used.order + 1, written(f"{own} = {name}", used, Role.DATA)))
            insertions.append((used.order + 1, written(f"{name} = {own}", used, role)))
    if not insertions:
        return unchanged(facts)
    statements = list(facts.statements)
    in_order = sorted(enumerate(insertions), key=lambda item: (item[1][0], item[0]))
    for _, (at, new) in reversed(in_order):
        statements.insert(at, new)
    return Completed(tuple(statements))


def _unused(facts: Facts, name: str) -> str:
    while name in facts.touching:
        name += "_"
    return name
