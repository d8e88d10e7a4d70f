"""Diagnostics: what is wrong, where (file, cell, line), and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a diagnostic matters: an error stops the build, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, order=True)
class Location:
    """A place in a notebook; every number is 1-based, cells count markdown cells too.

    ``cell`` 0 stands for the notebook as a whole.
    """

    file: str
    cell: int = 0
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.cell:
            return self.file
        if not self.line:
            return f"{self.file}:cell {self.cell}"
        return f"{self.file}:cell {self.cell}:{self.line}:{max(self.column, 1)}"


@dataclass(frozen=True)
class Diagnostic:
    """One finding: a code of the catalogue, where it is, and a hint that can be followed."""

    code: str
    severity: Severity
    location: Location
    message: str
    hint: str = ""
    source_line: str = ""
    length: int = 1
