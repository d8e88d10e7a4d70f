"""Follow Python line by line: which line begins inside a string, where its comment is.

Unlike ``tokenize`` this also copes with lines that are no Python, as magics are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OUTSIDE = re.compile(r"""#|\"""|'''|"|'|[(\[{]|[)\]}]""")
_INSIDE = {
    quote: re.compile(rf"\\(?:.|$)|{quote}", re.DOTALL) for quote in ('"""', "'''", '"', "'")
}


@dataclass(frozen=True)
class Line:
    """What one physical line is. ``comment`` is the 0-based column of its ``#``."""

    starts_statement: bool
    starts_in_string: bool
    comment: int | None


class LineScanner:
    """Feed it the lines of a cell in order; it remembers open strings and brackets."""

    def __init__(self) -> None:
        """Begin outside of any string or bracket."""
        self._quote = ""
        self._depth = 0
        self._continued = False

    @property
    def at_statement_start(self) -> bool:
        """Whether the next line begins a statement, as far as strings and brackets tell."""
        return not (self._quote or self._depth or self._continued)

    def feed(self, line: str) -> Line:
        """Take one line, without its newline."""
        starts_statement, starts_in_string = self.at_statement_start, bool(self._quote)
        self._continued = False
        position, comment = 0, None
        while position < len(line) and comment is None:
            if self._quote:
                position = self._leave_string(line, position)
            else:
                position, comment = self._next_mark(line, position)
        if not self._quote and comment is None and line.endswith("\\"):
            self._continued = True
        return Line(starts_statement, starts_in_string, comment)

    def _leave_string(self, line: str, position: int) -> int:
        for mark in _INSIDE[self._quote].finditer(line, position):
            if mark.group() == self._quote:
                self._quote = ""
                return mark.end()
            if mark.group() == "\\":  # the line's last character: the string goes on below
                return len(line)
        if len(self._quote) == 1:  # never closed, which is an error: do not swallow the cell
            self._quote = ""
        return len(line)

    def _next_mark(self, line: str, position: int) -> tuple[int, int | None]:
        mark = _OUTSIDE.search(line, position)
        if mark is None:
            return len(line), None
        text = mark.group()
        if text == "#":
            return len(line), mark.start()
        if text in "([{":
            self._depth += 1
        elif text in ")]}":
            self._depth = max(0, self._depth - 1)
        else:
            self._quote = text
        return mark.end(), None


def scan(source: str) -> list[Line]:
    """Every line of a source."""
    scanner = LineScanner()
    return [scanner.feed(line) for line in source.split("\n")]
