"""What a site answers with in place of a result, by number; Flower's own codes are below 100."""

from __future__ import annotations

from enum import IntEnum


class Failure(IntEnum):
    """Codes of a reply's error."""

    CODE_RAISED = 101
    DATA_NOT_LOADED = 102
    REFUSED = 103
    OTHER_PACKAGE = 104
    NOT_LOGGED = 105


# After these a site's process ends, until somebody there has put right what is wrong.
ENDING: frozenset[int] = frozenset(
    {Failure.DATA_NOT_LOADED, Failure.OTHER_PACKAGE, Failure.NOT_LOGGED}
)
