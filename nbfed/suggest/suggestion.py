"""A proposed role: for which code, how sure, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nbfed.roles import Role
from nbfed.suggest.code import Statement


class Confidence(StrEnum):
    """How sure a proposal is; one that is uncertain is for a person to decide."""

    CERTAIN = "certain"
    LIKELY = "likely"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class Suggestion:
    """A role for the code that begins with ``statement``.

    ``whole_cell`` is False where a tag would cover too much: a directive has to stand above
    the statement.
    """

    statement: Statement
    role: Role
    confidence: Confidence
    reason: str
    whole_cell: bool = True

    @property
    def cell(self) -> int:
        """The 1-based index of the cell."""
        return self.statement.cell

    @property
    def line(self) -> int:
        """The 1-based line in the cell where the code begins."""
        return self.statement.line
