"""Regions: which lines of a notebook have which role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from nbfed.diagnostics import Diagnostic, Location, diagnostic
from nbfed.read.cells import Cell, Notebook
from nbfed.read.directives import Directive, find_directives
from nbfed.read.headings import section_roles
from nbfed.read.region_checks import check_regions
from nbfed.read.tags import TagRole, tag_role
from nbfed.roles import Region, Role


@dataclass
class _Mark:
    """One or more directives with no code between them: the start of a region."""

    line: int
    role: Role
    at_head: bool
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _MarkedCell:
    cell: Cell
    tag: TagRole
    marks: tuple[_Mark, ...]


def find_regions(notebook: Notebook) -> tuple[tuple[Region, ...], list[Diagnostic]]:
    """The regions of every code cell in order, and everything that is wrong with the marking.

    Comments and tags count first; where a notebook has neither, section headings do. The
    regions of a cell cover it without a gap.
    """
    marked, problems = _read_marks(notebook)
    has_marks = any(each.marks or each.tag.ours for each in marked)
    sections = {} if has_marks else section_roles(notebook)
    regions: list[Region] = []
    for each in marked:
        role = each.tag.role or sections.get(each.cell.index)
        regions += _layout(each.cell, role, each.marks)
    problems += _told_sections(notebook, sections)
    problems += check_regions(notebook, regions)
    return tuple(regions), problems


def _read_marks(notebook: Notebook) -> tuple[list[_MarkedCell], list[Diagnostic]]:
    marked: list[_MarkedCell] = []
    problems: list[Diagnostic] = []
    for cell in notebook.cells:
        tag, found = tag_role(notebook.file, cell)
        problems += found
        if cell.kind != "code":
            continue
        directives, found = find_directives(notebook.file, cell)
        problems += found
        marks, found = _marks(notebook.file, cell, directives)
        problems += found
        problems += _disagreement(notebook.file, cell, tag, marks)
        marked.append(_MarkedCell(cell, tag, marks))
    return marked, problems


def _marks(
    file: str, cell: Cell, directives: list[Directive]
) -> tuple[tuple[_Mark, ...], list[Diagnostic]]:
    marks: list[_Mark] = []
    problems: list[Diagnostic] = []
    for each in directives:
        if each.role is None:
            continue
        last = marks[-1] if marks else None
        if last is None or _code_between(cell, last.line, each.line):
            marks.append(_Mark(each.line, each.role, each.at_head, dict(each.options)))
            continue
        place = Location(file, cell.index, each.line, 1)
        if each.role is not last.role:
            message = f"`{each.role}` and `{last.role}` stand above the same code"
            hint = "keep one, or move the other to the statements that it is for"
            problems.append(diagnostic("NBF111", place, message, hint))
        elif twice := last.options.keys() & each.options.keys():
            names = ", ".join(f"`{name}`" for name in sorted(twice))
            problems.append(diagnostic("NBF116", place, f"{names} stands twice", "keep one"))
        else:
            last.options.update(each.options)
    return tuple(marks), problems


def _code_between(cell: Cell, first: int, last: int) -> bool:
    lines = cell.source.split("\n")[first : last - 1]
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def _disagreement(
    file: str, cell: Cell, tag: TagRole, marks: tuple[_Mark, ...]
) -> Iterator[Diagnostic]:
    if tag.ours and marks and marks[0].at_head and marks[0].role is not tag.role:
        yield diagnostic(
            "NBF113",
            Location(file, cell.index, marks[0].line, 1),
            f"the comment says `{marks[0].role}`, the cell's tag says `nbfed:{tag.role}`",
            "remove one of them",
        )


def _layout(cell: Cell, role: Role | None, marks: tuple[_Mark, ...]) -> Iterator[Region]:
    last_line = cell.source.count("\n") + 1
    starts = [(mark.line, mark.role, mark.options) for mark in marks]
    if marks and marks[0].at_head:
        starts[0] = (1, *starts[0][1:])
    else:
        starts.insert(0, (1, role, {}))  # type: ignore[arg-type]
    ends = [following[0] - 1 for _, following in pairwise(starts)] + [last_line]
    for (first, region_role, options), last in zip(starts, ends, strict=True):
        yield Region(cell.index, first, last, region_role, options)


def _told_sections(notebook: Notebook, sections: Mapping[int, Role]) -> Iterator[Diagnostic]:
    if not sections:
        return
    cells: dict[Role, list[str]] = {}
    for index, role in sections.items():
        cells.setdefault(role, []).append(str(index))
    told = "; ".join(f"{role}: cell {', '.join(indices)}" for role, indices in cells.items())
    yield diagnostic(
        "NBF118",
        Location(notebook.file),
        f"the section headings give the roles ({told})",
        "to choose them yourself, mark the cells: `# nbfed: train` or the tag `nbfed:train`",
    )
