"""One name, two meanings: what a single function cannot hold."""

from __future__ import annotations

from collections.abc import Sequence

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note, place
from nbfed.plan.slice import Slice
from nbfed.program import Origin


def overwritten_arguments(facts: Facts, found: Slice, own: Sequence[Statement]) -> list[Diagnostic]:
    """An argument whose name an earlier statement of the slice binds to something else."""
    mine = {item.order for item in own}
    problems: list[Diagnostic] = []
    for name, origin in found.arguments.items():
        last = {**found.models, **found.data}.get(name)
        if last is None or origin not in (Origin.MODEL, Origin.DATA):
            continue
        for item in found.ordered:
            if (
                item.order < last.order
                and item.order not in mine
                and name in item.names.bound
                and name not in item.names.reads
            ):
                problems.append(_two_meanings(facts, found, name, item, last))
    return problems


def _two_meanings(
    facts: Facts, found: Slice, name: str, first: Statement, second: Statement
) -> Diagnostic:
    return note(
        facts,
        "NBF312",
        first,
        f"`{name}` is one thing here and another in {place(second)}, and `{found.role}` uses both",
        f"rename one of them, so that `{name}` has one meaning",
    )


def rebound_results(facts: Facts, data: Slice, users: Sequence[Slice]) -> list[Diagnostic]:
    """A result of the data that is bound again after the statement whose value is used."""
    problems: list[Diagnostic] = []
    for user in users:
        for name, used in user.data.items():
            later = [
                item
                for item in data.ordered
                if item.order > used.order and name in item.names.bound
            ]
            if later:
                problems.append(
                    note(
                        facts,
                        "NBF312",
                        later[0],
                        f"`{name}` is bound again here, after `{user.role}` has used what "
                        f"{place(used)} made; data are loaded once, so both cannot be had",
                        f"give this one another name than `{name}`",
                    )
                )
    return problems
