"""Let go of memory soon: what is freed late adds up to several models where models are large."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress


def _trim() -> Callable[[int], int] | None:
    with suppress(OSError, TypeError, AttributeError):
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
        return trim
    return None  # another C library, which has its own ways


_malloc_trim = _trim()


def give_back() -> None:
    """Give back what is free to the system, as glibc would keep it for what comes next."""
    if _malloc_trim:
        _malloc_trim(0)


def forget_recent() -> None:
    """Find what was used a moment ago and is not any more, and refers to itself.

    A request of httpx and its answer, with their bodies, is such a thing. Python would look for
    them some dozen requests later. Takes less than a millisecond.
    """
    gc.collect(1)
