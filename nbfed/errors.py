"""Errors that reach the person at the terminal as one sentence and what to do."""

from __future__ import annotations

# Exit codes of the commands. 2 (wrong usage) is the command-line parser's, 130 is Ctrl-C.
FAULT = 1
REFUSED = 3
FAILED = 4


class NbfedError(Exception):
    """What is wrong and where, one sentence; ``hint`` says what to do about it."""

    def __init__(self, message: str, hint: str = "", exit_code: int = FAULT) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


class UsageError(NbfedError):
    """A command was given what it cannot work with (exit code 2)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, exit_code=2)
