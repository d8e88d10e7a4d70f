"""A value that is made once in this process, and anew only if what it is made of changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Holds at most one value, with what it was made of."""

    def __init__(self) -> None:
        self._value: tuple[object, T] | None = None

    def get(self, made_of: object, make: Callable[[], T]) -> T:
        """Return the value made of ``made_of``; call ``make`` if there is none yet."""
        if self._value is None or self._value[0] != made_of:
            # The old one goes first: two models or data sets may not fit into memory.
            self._value = None
            self._value = (made_of, make())
        return self._value[1]

    def forget(self) -> None:
        """Make it anew the next time."""
        self._value = None
