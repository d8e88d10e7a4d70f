"""Diagnostics: what is wrong, where (file, cell, line), and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nbfed.catalogue import CATALOGUE, Severity

__all__ = [
    "Diagnostic",
    "Location",
    "Severity",
    "diagnostic",
    "has_errors",
    "sort_diagnostics",
]


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


def diagnostic(
    code: str,
    location: Location,
    message: str,
    hint: str = "",
    *,
    source_line: str = "",
    length: int = 1,
) -> Diagnostic:
    """A diagnostic with the severity that the catalogue gives its code.

    Raises:
        KeyError: the catalogue has no such code.
    """
    severity = CATALOGUE[code].severity
    return Diagnostic(code, severity, location, message, hint, source_line, length)


def sort_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each finding once, in the order of the notebook, then by code."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda found: (found.location, found.code, found.message)))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them stops a build."""
    return any(found.severity is Severity.ERROR for found in diagnostics)
