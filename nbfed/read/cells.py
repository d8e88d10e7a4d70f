"""The cells of a notebook as values: what reading gives, and all that later stages see."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SyntaxProblem:
    """Why a code cell does not parse, after its magics are gone (1-based line and column)."""

    line: int
    column: int
    message: str


@dataclass(frozen=True)
class PipLine:
    """One requirement asked for by ``!pip install`` or ``%pip install`` in the notebook."""

    cell: int
    line: int
    requirement: str


@dataclass(frozen=True)
class MagicLine:
    """A magic, shell or help line that was taken out of a cell's source.

    ``name`` is ``%time``, ``%%bash``, ``!`` for a shell line, ``?`` for a help line. ``text``
    is the line as written, continued lines joined. ``binds`` holds the targets of
    ``files = !ls``; in the cell's source they are assigned from ``get_ipython()``, a name that
    plain Python does not have, so that a use of them cannot go unnoticed.
    """

    line: int
    last_line: int
    name: str
    text: str
    binds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One cell. ``source`` is plain Python, line for line the same as ``raw``."""

    index: int
    kind: str
    source: str
    raw: str
    tags: tuple[str, ...] = ()
    execution_count: int | None = None
    id: str | None = None
    syntax_problem: SyntaxProblem | None = None
    magics: tuple[MagicLine, ...] = ()


@dataclass(frozen=True)
class Notebook:
    """A notebook without its outputs.

    ``requires`` holds what ``# nbfed: requires`` asks for; ``pip`` what the pip lines ask for,
    and after them the same again, as the last one wins.
    """

    file: str
    cells: tuple[Cell, ...]
    language: str = "python"
    pip: tuple[PipLine, ...] = field(default=())
    requires: tuple[PipLine, ...] = field(default=())

    def cell(self, index: int) -> Cell:
        """The cell with this 1-based index."""
        return self.cells[index - 1]
