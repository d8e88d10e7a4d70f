"""What `nbfed init` would mark in a notebook, where, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nbfed.read.cells import Notebook
from nbfed.read.headings import section_roles
from nbfed.read.regions import find_regions
from nbfed.roles import Region, Role
from nbfed.suggest.proposal import Confidence, propose, tags_to_write

_BY_HEADING = "its section heading says so"


@dataclass(frozen=True)
class Mark:
    """A proposed role for the code that begins at 1-based ``line`` of ``cell``.

    ``as_tag`` tells that a tag can say it; what else is proposed needs a person, because it is
    uncertain or because a directive has to stand above a line. ``code`` is that line.
    """

    cell: int
    line: int
    role: Role
    confidence: Confidence
    reason: str
    as_tag: bool
    code: str


def proposed_marks(notebook: Notebook) -> tuple[Mark, ...]:
    """The roles to give to a notebook's unmarked code, in its order; nothing is run.

    As soon as one cell has a tag, section headings count for nothing. So where both would give
    roles, what the headings say becomes tags as well.
    """
    suggestions = propose(notebook)
    tags = tags_to_write(suggestions)
    marks = [
        Mark(
            each.cell,
            each.line,
            each.role,
            each.confidence,
            each.reason,
            as_tag=each.whole_cell and tags.get(each.cell) is each.role,
            code=_line(notebook, each.cell, each.line),
        )
        for each in suggestions
    ]
    if tags:
        marks += _marks_of_headings(notebook)
    return tuple(sorted(marks, key=lambda mark: (mark.cell, mark.line)))


def tags_of(marks: Iterable[Mark]) -> dict[int, Role]:
    """The role of each cell that a tag shall say, by the cell's 1-based index."""
    return {mark.cell: mark.role for mark in marks if mark.as_tag}


def marked_already(notebook: Notebook) -> tuple[Region, ...]:
    """The regions that have a role before anything is proposed."""
    regions, _ = find_regions(notebook)
    return tuple(region for region in regions if region.role)


def _marks_of_headings(notebook: Notebook) -> list[Mark]:
    headed = section_roles(notebook)
    by_heading = {
        region.cell: region.role
        for region in marked_already(notebook)
        if region.role and region.role is headed.get(region.cell)
    }
    _, problems = find_regions(notebook)
    if not any(found.code == "NBF118" for found in problems):
        return []
    return [
        Mark(cell, 1, role, Confidence.CERTAIN, _BY_HEADING, True, _line(notebook, cell, 1))
        for cell, role in by_heading.items()
    ]


def _line(notebook: Notebook, cell: int, line: int) -> str:
    return notebook.cell(cell).raw.split("\n")[line - 1].strip()
