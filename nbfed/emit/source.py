"""Lay out a notebook's lines in generated modules and remember where they came from.

The author's lines are kept verbatim; only their indentation grows, and never inside a
multi-line string, whose value would change.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nbfed.program import Fragment

# A line that stands where a block of fragments begins. It cannot occur in Python source, so it
# can be found, and removed, after the template around the block has been rendered.
_ANCHOR = "\0block {index}\0"


@dataclass(frozen=True)
class MappedLines:
    """Generated lines ``first`` to ``last`` are lines of ``cell`` from ``cell_line`` on."""

    first: int
    last: int
    cell: int
    cell_line: int

    def as_list(self) -> list[int]:
        """The form that sourcemap.json holds."""
        return [self.first, self.last, self.cell, self.cell_line]


class SourceBlocks:
    """Renders blocks of fragments for one module, then maps its generated lines to cells."""

    def __init__(self, notebook: str) -> None:
        self._notebook = notebook
        self._blocks: list[list[tuple[int, int, Fragment]]] = []

    def block(self, fragments: Sequence[Fragment], indent: int = 0) -> str:
        """The text of ``fragments``, each cell's under its own marker line.

        The text starts with an anchor line that ``finish`` takes out again.
        """
        lines: list[str] = []
        placed: list[tuple[int, int, Fragment]] = []
        previous: Fragment | None = None
        for fragment in fragments:
            if previous is not None:
                lines.extend([""] * _blank_lines(previous, fragment, indent))
            if previous is None or previous.cell != fragment.cell:
                lines.append(f"{' ' * indent}# %% {self._notebook}:cell {fragment.cell}")
            text = indented(fragment.text, indent).split("\n")
            placed.append((len(lines), len(text), fragment))
            lines.extend(text)
            previous = fragment
        index = len(self._blocks)
        self._blocks.append(placed)
        return "\n".join([_ANCHOR.format(index=index), *lines])

    def finish(self, rendered: str) -> tuple[str, tuple[MappedLines, ...]]:
        """The module's text without anchors, and where its lines came from."""
        anchors = {_ANCHOR.format(index=i): i for i in range(len(self._blocks))}
        lines: list[str] = []
        mapped: list[MappedLines] = []
        for line in rendered.split("\n"):
            if line not in anchors:
                lines.append(line)
                continue
            for offset, count, fragment in self._blocks[anchors[line]]:
                first = len(lines) + offset + 1
                mapped.append(MappedLines(first, first + count - 1, fragment.cell, fragment.line))
        return "\n".join(lines), tuple(mapped)


def _blank_lines(previous: Fragment, fragment: Fragment, indent: int) -> int:
    """How many empty lines part two fragments: as a formatter would, else as in the cell."""
    if not indent and (is_definition(previous.text) or is_definition(fragment.text)):
        return 2
    if previous.cell != fragment.cell:
        return 1
    end_of_previous = previous.line + previous.text.count("\n")
    return 1 if fragment.line > end_of_previous + 1 else 0


def is_definition(text: str) -> bool:
    """Whether a fragment defines a function or class."""
    return any(line.startswith(("def ", "class ", "async def ", "@")) for line in text.split("\n"))


def indented(text: str, spaces: int) -> str:
    """``text`` moved right by ``spaces``, except lines that begin inside a string.

    Blank lines stay empty. ``text`` must be lines that tokenize; what does not is indented
    line by line.
    """
    if not spaces:
        return text
    inside = _lines_inside_strings(text)
    pad = " " * spaces
    return "\n".join(
        line if number in inside or not line.strip() else pad + line
        for number, line in enumerate(text.split("\n"), 1)
    )


def _lines_inside_strings(text: str) -> set[int]:
    inside: set[int] = set()
    starts: list[int] = []
    # FSTRING_* tokens exist from Python 3.12 on; before, an f-string is one STRING token.
    fstring_start = getattr(tokenize, "FSTRING_START", -1)
    fstring_end = getattr(tokenize, "FSTRING_END", -1)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
            if token.type == tokenize.STRING:
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
            elif token.type == fstring_start:
                starts.append(token.start[0])
            elif token.type == fstring_end:
                inside.update(range(starts.pop() + 1, token.end[0] + 1))
    except (tokenize.TokenError, IndentationError):
        return inside
    return inside


def cells_of(fragments: Iterable[Fragment]) -> tuple[int, ...]:
    """The cells that ``fragments`` came from, in order, each once."""
    return tuple(dict.fromkeys(sorted(fragment.cell for fragment in fragments)))
