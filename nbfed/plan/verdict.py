"""What becomes of a statement that a slice reaches."""

from __future__ import annotations

from dataclasses import dataclass

from nbfed.diagnostics import Diagnostic
from nbfed.program import Origin


@dataclass(frozen=True)
class Copy:
    """It is copied into the stage."""


@dataclass(frozen=True)
class Argue:
    """It belongs to another role: the stage takes the name as an argument."""

    origin: Origin


@dataclass(frozen=True)
class Pass:
    """It is none of the stage's business: look further up."""


@dataclass(frozen=True)
class Warned:
    """As Pass, with a finding."""

    problem: Diagnostic


@dataclass(frozen=True)
class Refuse:
    """The stage cannot have it."""

    problem: Diagnostic


Verdict = Copy | Argue | Pass | Warned | Refuse
