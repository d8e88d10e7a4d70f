"""Propose roles for an unmarked notebook, each with a reason and how sure it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from nbfed.read.cells import Notebook
from nbfed.read.regions import find_regions
from nbfed.roles import Role
from nbfed.suggest.code import Code, calls_any, first_in_places, read_code
from nbfed.suggest.data import find_data
from nbfed.suggest.model import find_model
from nbfed.suggest.settings import find_settings
from nbfed.suggest.suggestion import Confidence, Suggestion
from nbfed.suggest.train import find_evaluate, find_train

__all__ = ["Confidence", "Suggestion", "propose", "tags_to_write"]

_STRATEGY = re.compile(r"(?:.*\.)?(?:strategy\.\w+|Fed[A-Z]\w+)")


def propose(notebook: Notebook) -> tuple[Suggestion, ...]:
    """Roles for the unmarked code of a notebook, in its order; nothing is run.

    The evidence is that of 425 public notebooks: the call of ``.backward()``, the class whose
    instance training reads, the loaders that reach it, literals with the usual names. Where it
    points to several places, all are given and said to be uncertain.
    """
    regions, _ = find_regions(notebook)
    code = read_code(notebook, regions)
    train = find_train(code)
    model = find_model(code, train)
    taken = {each.statement.place for each in (*train, *model)}
    evaluate = find_evaluate(code, train)
    data = find_data(code, [*train, *evaluate], taken | {each.statement.place for each in evaluate})
    settings = [each for each in find_settings(code) if _fits_beside(each, taken)]
    found = [*train, *model, *evaluate, *data, *_strategy(code), *settings]
    order = {role: number for number, role in enumerate(Role)}
    unmarked = [each for each in found if each.statement.role is None]
    return tuple(
        sorted(_apart(unmarked), key=lambda each: (each.statement.position, order[each.role]))
    )


def tags_to_write(suggestions: Iterable[Suggestion]) -> dict[int, Role]:
    """The role of each cell that a tag can give: one role, the whole cell, and no doubt."""
    return {
        each.cell: each.role
        for each in suggestions
        if each.whole_cell and each.confidence is not Confidence.UNCERTAIN
    }


def _strategy(code: Code) -> list[Suggestion]:
    found = [
        each for each in code.statements if not each.is_definition and calls_any([each], _STRATEGY)
    ]
    how = Confidence.LIKELY if len({each.cell for each in found}) == 1 else Confidence.UNCERTAIN
    return [
        Suggestion(each, Role.STRATEGY, how, "makes a Flower strategy")
        for each in first_in_places(found)
    ]


def _fits_beside(setting: Suggestion, taken: set[tuple[int, int]]) -> bool:
    """Literals at the head of a training cell are its own; a cell of literals is not."""
    return setting.whole_cell or setting.statement.place not in taken


def _apart(found: list[Suggestion]) -> list[Suggestion]:
    """Where a cell would get several roles, a tag cannot do: each needs a directive."""
    roles: dict[tuple[int, int], set[Role]] = {}
    for each in found:
        if each.whole_cell:
            roles.setdefault(each.statement.place, set()).add(each.role)
    return [
        replace(each, whole_cell=False)
        if len(roles.get(each.statement.place, ())) > 1 or each.statement.part > 1
        else each
        for each in found
    ]
