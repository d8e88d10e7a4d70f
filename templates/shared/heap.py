"""Let go of memory soon: what is freed late adds up to several models where models are large."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress

# Numbers of glibc's mallopt(3).
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
_ARENAS = 2
# Above the chunks of 5 MiB that all travels in: pages of their own cost as much as their copying.
_OWN_PAGES_FROM = 8 * 1024 * 1024


def _call(name: str) -> Callable[..., int] | None:
    with suppress(OSError, TypeError, AttributeError):
        call: Callable[..., int] = getattr(ctypes.CDLL(None), name)
        return call
    return None  # another C library, which has its own ways


_malloc_trim, _mallopt = _call("malloc_trim"), _call("mallopt")


def share_heaps(*, own_pages: bool) -> None:
    """Let threads share two heaps, so that what one frees another can use.

    Called once all is imported: what is there by then is not looked through any more when
    forgotten things are looked for.

    With ``own_pages`` what is large gets pages of its own, which go back to the system at once. A
    process that trains would pay for that in every step.
    """
    gc.freeze()
    if _mallopt:
        _mallopt(_ARENA_MAX, _ARENAS)
        if own_pages:
            _mallopt(_MMAP_THRESHOLD, _OWN_PAGES_FROM)


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


def forget_all() -> None:
    """Find all that is not used any more and refers to itself, and give it back."""
    gc.collect()
    give_back()
