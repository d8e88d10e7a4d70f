"""Cells with their exact values, ready to be written as HTML."""

from __future__ import annotations

from dataclasses import dataclass

from nbfed.progress.display import duration, size
from nbfed.report.numbers import NONE, whole


@dataclass(frozen=True)
class Cell:
    """A cell's text; ``value`` is its exact number, ``note`` a smaller second line.

    ``strong`` are differences beyond chance, ``marked`` a model on the rows of its own site.
    """

    text: str
    value: float | None = None
    note: str = ""
    strong: bool = False
    marked: bool = False


@dataclass(frozen=True)
class Table:
    """A table: its first column heads the rows, and ``foot`` are rows about all the others."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[tuple[Cell, ...], ...] = ()


def rows_cell(rows: int) -> Cell:
    """A number of rows; a dash for none."""
    return Cell(whole(rows) if rows else NONE, rows or None)


def bytes_cell(number_of: int) -> Cell:
    """A number of bytes; a dash for none."""
    return Cell(size(number_of) if number_of else NONE, number_of or None)


def seconds_cell(seconds: float) -> Cell:
    """A time; a dash for none."""
    return Cell(duration(seconds) if seconds else NONE, round(seconds, 3) or None)
