"""Errors that a user sees: one line that says what is wrong, and a hint what to do."""

from __future__ import annotations


class NbfedError(Exception):
    """What is wrong, what to do about it, and the exit code of the command."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def findings(self) -> tuple[tuple[str, str], ...]:
        """The sentences to show, each with its hint ("" for none)."""
        return ((self.message, self.hint),)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook instead of a traceback."""
        lines = []
        for message, hint in self.findings():
            lines += [f"error: {message}", *(f"  = hint: {line}" for line in hint.splitlines())]
        return lines


class OutputRefused(NbfedError):
    """The output folder holds what nbfed did not write; nothing was written."""

    exit_code = 3


class FederationFailed(NbfedError):
    """A run could not start or did not finish."""

    exit_code = 4


class UsageError(NbfedError):
    """The command line asks for what cannot be."""

    exit_code = 2
