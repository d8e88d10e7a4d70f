"""The tags of a cell that give it a role: ``nbfed:train``, and papermill's ``parameters``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbfed.diagnostics import Diagnostic, Location, diagnostic
from nbfed.read.cells import Cell
from nbfed.read.directives import nearest_role
from nbfed.roles import Role

_PREFIX = "nbfed:"
_TAGS = {f"{_PREFIX}{role}": role for role in Role}
_PAPERMILL = "parameters"
_LIKE_OURS = re.compile(r"nb[-_ ]?fed\b[\s:=.-]*(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class TagRole:
    """The role that a cell's tags give; ``ours`` is False for papermill's tag."""

    role: Role | None
    ours: bool = False


def tag_role(file: str, cell: Cell) -> tuple[TagRole, list[Diagnostic]]:
    """The role of a cell by its tags; the tags of other tools count for nothing."""
    place = Location(file, cell.index)
    roles: list[Role] = []
    problems: list[Diagnostic] = []
    for tag in cell.tags:
        like_ours = _LIKE_OURS.match(tag)
        if tag in _TAGS:
            roles.append(_TAGS[tag])
        elif like_ours:
            problems.append(_not_a_tag(place, tag, like_ours["rest"]))
    if roles and cell.kind != "code":
        hint = "give the tag to the code cell below or above it"
        problems.append(diagnostic("NBF114", place, f"a {cell.kind} cell can have no role", hint))
        return TagRole(None), problems
    if len(roles) > 1:
        names = " and ".join(f"`{_PREFIX}{role}`" for role in roles)
        hint = "keep one tag; a cell that mixes roles takes directives above its statements"
        problems.append(diagnostic("NBF111", place, f"the cell has the tags {names}", hint))
    if roles:
        return TagRole(roles[0], ours=True), problems
    return TagRole(Role.PARAMS if _PAPERMILL in cell.tags else None), problems


def _not_a_tag(place: Location, tag: str, rest: str) -> Diagnostic:
    word, _, more = rest.partition(" ")
    near = nearest_role(word) if word else None
    known = ", ".join(f"`{tag}`" for tag in _TAGS)
    if near == "requires" or (near and more.strip()):
        hint = f"write it as a comment in the cell: `# nbfed: {' '.join([near, more.strip()])}`"
    elif near:
        hint = f"did you mean `{_PREFIX}{near}`?"
    else:
        hint = f"the tags are {known}"
    code = "NBF112" if tag.startswith(_PREFIX) else "NBF115"
    return diagnostic(code, place, f"`{tag}` is no tag of nbfed", hint)
