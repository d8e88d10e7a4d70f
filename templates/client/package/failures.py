"""What the server learns of a failure at this site: its kind and its place, never its text.

The text of an exception often holds the value that caused it, and that may be a patient's. So the
whole trace goes to this site's own log, and the class, the line of code and the notebook's cell
go to the server.
"""

from __future__ import annotations

import functools
import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

from flwr.app import Context, Error, Message

from .digest import SOURCE_MAP
from .failure_codes import Failure

Handler = Callable[[Message, Context], Message]

_PACKAGE = Path(__file__).resolve().parent
_log = logging.getLogger(__package__)


class Refusal(Exception):
    """This site will not do or send something; the text holds no data and is sent as it is."""

    def __init__(self, text: str, code: Failure = Failure.REFUSED) -> None:
        super().__init__(text)
        self.code = code


class DataNotLoaded(Exception):
    """The site's data could not be loaded; what was wrong with them is the cause."""


def guarded(notebook: str) -> Callable[[Handler], Handler]:
    """Make a handler of messages answer with an error where it would raise one."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def answer(message: Message, context: Context) -> Message:
            try:
                return handler(message, context)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - nothing may pass this line
                failure, reason = _public(error, notebook)
                _log.error("%s%s", reason, "" if isinstance(error, Refusal) else _text(error))
                _log.debug("the whole trace", exc_info=error)
                return Message(Error(code=int(failure), reason=reason), reply_to=message)

        return answer

    return decorate


def _text(error: BaseException) -> str:
    try:
        return f": {error.__cause__ or error}"
    except Exception as another:  # noqa: BLE001 - the notebook's own class makes the text
        return f" (its text cannot be had: {type(another).__name__})"


def _public(error: BaseException, notebook: str) -> tuple[Failure, str]:
    if isinstance(error, Refusal):
        return error.code, str(error)
    if isinstance(error, DataNotLoaded) and error.__cause__:
        return Failure.DATA_NOT_LOADED, f"data not loaded: {_place(error.__cause__, notebook)}"
    return Failure.CODE_RAISED, _place(error, notebook)


def _place(error: BaseException, notebook: str) -> str:
    """Describe where ``error`` was raised, as near as possible to the notebook's own lines."""
    cells = json.loads((_PACKAGE / SOURCE_MAP).read_text(encoding="utf-8"))
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if not path.is_relative_to(_PACKAGE):
            continue
        file = path.relative_to(_PACKAGE).as_posix()
        cell = _cell(cells.get(file, []), line)
        # The innermost line of the package counts, but one of the notebook before any other.
        if cell:
            place = f" in {file} line {line} ({notebook} {cell})"
        elif "(" not in place:
            place = f" in {file} line {line}"
    return type(error).__name__ + place


def _cell(mapped: list[list[int]], line: int) -> str:
    for first, last, cell, cell_line in mapped:
        if first <= line <= last:
            return f"cell {cell} line {cell_line + line - first}"
    return ""
