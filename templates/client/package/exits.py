"""How the site's process ends, and the errors that a person reads."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the site's command; 2 is a wrong command line.

    NO_SERVER is also a server that does not let this site in, as where the clock here is wrong.
    """

    DONE = 0
    AT_FAULT = 1
    NO_SERVER = 4
    INTERRUPTED = 130


class SiteError(Exception):
    """Why this site cannot go on, and what to do, in one line for this site's own screen."""

    def __init__(self, text: str, code: Exit = Exit.AT_FAULT) -> None:
        super().__init__(text)
        self.code = code
