"""Data that a training region loads itself: they belong to `data`."""

from __future__ import annotations

import ast
from dataclasses import replace

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.functions import trains
from nbfed.plan.models import role_slice
from nbfed.plan.notes import note
from nbfed.plan.settings import Settings
from nbfed.roles import Role


def loaded_in_training(facts: Facts, settings: Settings) -> Completed:
    """What makes data sets and loaders at the start of training is compiled as part of `data`.

    Only where training uses nothing of the data regions: they then define how data are loaded,
    and training does so, anew in every round.
    """
    start = _before_training(facts)
    made = [item for item in start if _makes_data(facts, item)]
    if not made or role_slice(facts, settings, Role.TRAIN).data:
        return unchanged(facts)
    moved = _with_what_they_need(facts, start, made)
    statements = list(facts.statements)
    for item in moved:
        statements[item.order] = replace(item, role=Role.DATA)
    problems = tuple(
        note(
            facts,
            "NBF316",
            item,
            "this statement loads data, so it is compiled as part of `data`",
        )
        for item in made
    )
    return Completed(tuple(statements), problems)


def _before_training(facts: Facts) -> list[Statement]:
    found: list[Statement] = []
    for item in facts.of_role(Role.TRAIN):
        if trains(facts, item):
            break
        if Role.MODEL not in facts.fact(item).origins:
            found.append(item)
    return found


def _makes_data(facts: Facts, item: Statement) -> bool:
    kinds = facts.fact(item).kinds
    made = any(kinds.get(name) in (Kind.DATASET, Kind.LOADER) for name in item.names.bound)
    return made and not item.is_definition and isinstance(item.node, (ast.Assign, ast.AnnAssign))


def _with_what_they_need(
    facts: Facts, start: list[Statement], made: list[Statement]
) -> list[Statement]:
    """``made`` and whatever before them binds or changes what they read."""
    chosen = {item.order: item for item in made}
    needed = {name for item in made for name in item.names.reads}
    for item in reversed(start):
        if item.order in chosen or item.names.touched & needed:
            chosen[item.order] = item
            needed |= item.names.reads.keys() | item.names.soft_reads.keys()
    return [chosen[order] for order in sorted(chosen)]
