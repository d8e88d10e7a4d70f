"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flwr.app import ArrayRecord


@dataclass(frozen=True)
class Outcome:
    """How a run ended, with the reason and the last whole weights.

    ``outcome`` is "finished", "stopped early" (as the settings ask for) or "aborted".
    """

    outcome: str
    rounds_done: int
    seconds: float
    reason: str
    arrays: ArrayRecord
    folder: Path

    @property
    def good(self) -> bool:
        """Whether the run did all that it was asked to."""
        return self.outcome in ("finished", "stopped early")
