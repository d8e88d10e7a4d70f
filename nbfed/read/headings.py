"""Roles from section headings, as the notebooks of Notebook Federator have them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbfed.read.cells import Cell, Notebook
from nbfed.roles import Role

SECTIONS: Mapping[str, Role] = {
    "dependencies": Role.INCLUDE,
    "data preparation": Role.DATA,
    "data loading": Role.DATA,
    "model definition": Role.MODEL,
    "training loop": Role.TRAIN,
    "test function": Role.EVALUATE,
    "aggregation function": Role.STRATEGY,
}
_NEEDED = frozenset({Role.DATA, Role.MODEL, Role.TRAIN})
_HEADING = re.compile(r" {0,3}(#{1,6})\s*(.*?)\s*#*\s*\Z")
_PART = r"(?:(?:step|part|section|cell)\s+)?"
_NUMBER = re.compile(rf"{_PART}(?:\d+(?:\.\d+)*|[ivx]+|[a-z])\s*[.):-]+\s*")
_BARE_NUMBER = re.compile(rf"{_PART}\d+(?:\.\d+)*\s+")
_BOLD = re.compile(r" {0,3}(\*\*|__)(?=\S)(.+?)\1:?\s*\Z")
_LOWEST = 7  # a bold line stands for a heading below all others
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_ALIKE = 0.86


@dataclass(frozen=True)
class _Section:
    level: int
    role: Role


def section_roles(notebook: Notebook) -> Mapping[int, Role]:
    """The role of each code cell under such a heading, by the cell's index.

    A section ends at the next heading that is not below its own. Empty unless the headings
    give code to all of data, model and train: a single one that happens to have the same words
    means nothing.
    """
    roles: dict[int, Role] = {}
    section: _Section | None = None
    for cell in notebook.cells:
        if cell.kind == "markdown":
            for level, title in _headings(cell):
                section = _next(section, level, role_of_heading(title))
        elif cell.kind == "code" and section and cell.source.strip():
            roles[cell.index] = section.role
    return roles if set(roles.values()) >= _NEEDED else {}


def role_of_heading(title: str) -> Role | None:
    """The role that a heading's text gives, whatever its case and numbering."""
    text = re.sub(r"[*_`]", "", title).lower().replace("-", " ").strip(" \t:.")
    text = _BARE_NUMBER.sub("", _NUMBER.sub("", text, count=1), count=1).strip()
    near = difflib.get_close_matches(" ".join(text.split()), SECTIONS, n=1, cutoff=_ALIKE)
    return SECTIONS[near[0]] if near else None


def _next(section: _Section | None, level: int, role: Role | None) -> _Section | None:
    if role:
        return _Section(level, role)
    return section if section and level > section.level else None


def _headings(cell: Cell) -> Iterator[tuple[int, str]]:
    fenced = False
    for line in cell.source.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        found = None if fenced else _HEADING.match(line)
        if found:
            yield len(found.group(1)), found.group(2)
        elif not fenced and (bold := _BOLD.match(line)):
            yield _LOWEST, bold.group(2)
