"""What a step of completing a notebook gives."""

from __future__ import annotations

from dataclasses import dataclass

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic


@dataclass(frozen=True)
class Completed:
    """The notebook's statements after a step, and what there is to say about it."""

    statements: tuple[Statement, ...]
    problems: tuple[Diagnostic, ...] = ()


def unchanged(facts: Facts, *problems: Diagnostic) -> Completed:
    """The statements as they are."""
    return Completed(facts.statements, problems)


def inserted(facts: Facts, at: int, *new: Statement) -> tuple[Statement, ...]:
    """The statements with ``new`` put before number ``at``."""
    return (*facts.statements[:at], *new, *facts.statements[at:])
