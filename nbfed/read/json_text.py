"""Find values in the text of a JSON document, so that it can be edited without rewriting it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLANK = re.compile(r"[ \t\r\n\ufeff]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]}]*")


@dataclass(frozen=True)
class Member:
    """A key and its value in an object; ``start`` and ``end`` span the value, 0-based."""

    key: str
    key_start: int
    key_end: int
    start: int
    end: int


def skip_blank(text: str, position: int) -> int:
    """The position of the next character that is not white space."""
    found = _BLANK.match(text, position)
    return found.end() if found else position


def members(text: str, start: int) -> list[Member]:
    """The members of the object that begins at a position; of a valid document."""
    found: list[Member] = []
    position = skip_blank(text, start + 1)
    while text[position] != "}":
        key_end = _end(text, position)
        value = skip_blank(text, skip_blank(text, key_end) + 1)
        end = _end(text, value)
        found.append(Member(json.loads(text[position:key_end]), position, key_end, value, end))
        position = _after_comma(text, end)
    return found


def elements(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Start and end of each element of the array that begins at a position."""
    position = skip_blank(text, start + 1)
    while text[position] != "]":
        end = _end(text, position)
        yield position, end
        position = _after_comma(text, end)


def member(text: str, start: int, key: str) -> Member | None:
    """The member with this key; of several the last, as parsers take it."""
    return next((each for each in reversed(members(text, start)) if each.key == key), None)


def _after_comma(text: str, end: int) -> int:
    position = skip_blank(text, end)
    return skip_blank(text, position + 1) if text[position] == "," else position


def _end(text: str, start: int) -> int:
    if text[start] in "[{":
        depth = 0
        for mark in _STRUCTURE.finditer(text, start):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark.group(), 0)
            if not depth:
                return mark.end()
    found = (_STRING if text[start] == '"' else _SCALAR).match(text, start)
    return found.end() if found else len(text)


@dataclass(frozen=True)
class Style:
    """How an object of the document is written, for adding to it in the same way.

    ``lead`` is the white space before each member, ``step`` one level of indentation more,
    ``colon`` what parts key and value, ``gap`` what follows a comma within a line.
    """

    lead: str
    step: str
    colon: str
    gap: str

    def inner(self) -> Style:
        """The style one level deeper."""
        return Style(self.lead + self.step if self.lead else "", self.step, self.colon, self.gap)

    def render(self, value: object) -> str:
        """A value as it stands behind a key of this object."""
        inner = self.inner()
        if isinstance(value, dict):
            parts = [f"{json.dumps(key)}{self.colon}{inner.render(value[key])}" for key in value]
            return "{" + self._joined(parts) + "}"
        if isinstance(value, list):
            return "[" + self._joined([inner.render(each) for each in value]) + "]"
        return json.dumps(value)

    def _joined(self, parts: list[str]) -> str:
        if not self.lead:
            return f",{self.gap}".join(parts)
        lead = self.inner().lead
        return lead + f",{lead}".join(parts) + self.lead


def style(text: str, start: int, outer: Style | None = None) -> Style:
    """The style of the object that begins at a position; an empty one is as the outer one."""
    listed = members(text, start)
    if not listed:
        return outer.inner() if outer else Style("", "", ": ", " ")
    first, last = listed[0], listed[-1]
    lead = text[start + 1 : first.key_start]
    closing = text[last.end : skip_blank(text, last.end)]
    multiline = "\n" in lead
    step = lead.removeprefix(closing) if multiline and lead.startswith(closing) else ""
    colon = text[first.key_end : first.start]
    gap = " " if colon.endswith(" ") else ""
    return Style(lead if multiline else "", step, colon, gap)


def with_member(text: str, start: int, key: str, value: object, outer: Style | None = None) -> str:
    """The text with one member more in an object, before the first key that sorts behind it."""
    listed = members(text, start)
    own = style(text, start, outer)
    new = f"{json.dumps(key)}{own.colon}{own.render(value)}"
    separator = own.lead or own.gap
    if not listed:
        end = skip_blank(text, start + 1) + 1
        closing = (outer.lead if outer else "") if own.lead else ""
        return replaced(text, start, end, "{" + own.lead + new + closing + "}")
    following = next((each for each in listed if each.key > key), None)
    if following is None:
        return replaced(text, listed[-1].end, listed[-1].end, f",{separator}{new}")
    return replaced(text, following.key_start, following.key_start, f"{new},{separator}")


def with_element(text: str, array: Member, value: object, holder: Style) -> str:
    """The text with one element more at the end of an array, a member of an object."""
    places = list(elements(text, array.start))
    if not places:
        return replaced(text, array.start, array.end, holder.render([value]))
    start, end = places[-1]
    lead = text[array.start + 1 : start]
    if len(places) > 1:
        between = text[places[-2][1] : start]
    else:
        between = "," + (lead if "\n" in lead else holder.gap)
    return replaced(text, end, end, between + json.dumps(value))


def replaced(text: str, start: int, end: int, new: str) -> str:
    """The text with another in the place of one of its parts."""
    return text[:start] + new + text[end:]
