"""Read a notebook: bytes in, frozen cells out."""

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


@dataclass(frozen=True)
class Notebook:
    """A notebook without its outputs."""

    file: str
    cells: tuple[Cell, ...]
    language: str = "python"
    pip: tuple[PipLine, ...] = field(default=())

    def cell(self, index: int) -> Cell:
        """The cell with this 1-based index."""
        return self.cells[index - 1]
