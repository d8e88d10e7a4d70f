"""What ``keep=`` names in the notebook: it goes on in a round where it was in the last one.

``train`` passes each such object, as soon as it is made, through ``keep``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

from .failures import Refusal

T = TypeVar("T")


class Kept:
    """The objects of one round by their names, and the states that the last one left."""

    def __init__(self, states: dict[str, Any]) -> None:
        self._states = states
        self._objects: dict[str, Any] = {}

    def take(self, name: str, made: Any) -> None:
        """Put ``made`` where its namesake was; raises Refusal where that is not possible."""
        if not hasattr(made, "state_dict") or not hasattr(made, "load_state_dict"):
            raise Refusal(f"`{name}` cannot be kept: a {type(made).__name__} has no state_dict")
        self._objects[name] = made
        self._restore(name)
        # Making a scheduler sets the learning rates of its optimizer.
        for other, held in self._objects.items():
            if other != name and isinstance(held, Optimizer):
                self._restore(other)

    def dump(self) -> bytes:
        """Return the objects' states as they are now; b"" where there are none."""
        states = {name: held.state_dict() for name, held in self._objects.items()}
        if not states:
            return b""
        file = io.BytesIO()
        torch.save(states, file)
        return file.getvalue()

    def _restore(self, name: str) -> None:
        if name not in self._states:
            return
        try:
            self._objects[name].load_state_dict(self._states[name])
        except (ValueError, KeyError, RuntimeError, TypeError) as error:
            raise Refusal(f"`{name}` is not what the last round kept by that name") from error


def _loaded(states: bytes) -> dict[str, Any]:
    # To the CPU at first: the GPU that they were on may be another one now, or none.
    held: dict[str, Any] = torch.load(io.BytesIO(states), map_location="cpu", weights_only=True)
    return held


_now: ContextVar[Kept | None] = ContextVar("kept", default=None)


def keep(name: str, made: T) -> T:
    """Return ``made`` with the state that its namesake had at the end of the last round."""
    if kept := _now.get():
        kept.take(name, made)
    return made


@contextmanager
def keeping(states: bytes) -> Iterator[Kept]:
    """Let ``keep`` take up what ``states`` holds; the result's ``dump`` is for the next round.

    What is loaded are tensors and plain values: anything else is refused by torch.
    """
    kept = Kept(_loaded(states) if states else {})
    token = _now.set(kept)
    try:
        yield kept
    finally:
        _now.reset(token)
