"""What the catalogue holds about one code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a diagnostic matters: an error stops the build, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Entry:
    """One code: its title, severity, and the page that ``nbfed explain`` prints.

    ``before`` and ``after`` are cells' source; a line ``# %%`` parts two cells. Both are empty
    where no source can show the case.
    """

    code: str
    title: str
    severity: Severity
    explanation: str
    before: str = ""
    after: str = ""
