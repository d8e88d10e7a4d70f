"""Polite requests to end this process: they end it as Ctrl-C does, with all that it started."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


class Interrupted(KeyboardInterrupt):
    """An interrupt that leaves this command its exit code.

    A plain KeyboardInterrupt that passes through ``exec`` of a text, which importing a dataclass
    may do, makes CPython end the process by signal at its exit, whatever code it exits with.
    """


@contextmanager
def terminable(*more: signal.Signals) -> Iterator[None]:
    """Let SIGTERM, SIGHUP (the terminal was closed) and ``more`` raise Interrupted in the block.

    A signal that this process was started to ignore, as ``nohup`` does it, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGHUP, *more)
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is _interrupt:
                signal.signal(number, handler)


def _interrupt(number: int, _frame: object) -> NoReturn:
    if number == signal.SIGHUP:
        # It comes from the terminal and from the shell; the second must not disturb the end.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        _let_go_of_terminal()
    raise Interrupted


def _let_go_of_terminal() -> None:
    """What is said from here on has no reader, and writing it there would be an error."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        try:
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(nothing, stream)
        except OSError:
            continue  # closed long ago
    os.close(nothing)
