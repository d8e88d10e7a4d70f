"""Fill dataclasses from plain values, and refuse what does not fit their types.

Parameters come from three places, each with precedence over the one before: the notebook's own
defaults, the server, the site.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_JSON_TYPES = (list, tuple, set, dict)


class OverrideError(ValueError):
    """A value that has no place in the dataclass it is meant for."""


def overridden(base: T, values: Mapping[str, Any], *, source: str) -> T:
    """Return ``base`` with ``values`` in place of its own.

    Raises OverrideError, which names ``source``, for an unknown name or a value of another type.
    """
    return dataclasses.replace(base, **_checked(type(base), values, source))


def filled(cls: type[T], values: Mapping[str, Any], *, source: str) -> T:
    """Return a ``cls`` made of ``values`` alone: every field has to be among them.

    Raises OverrideError, which names ``source``.
    """
    missing = [name for name in _types(cls) if name not in values]
    if missing:
        raise OverrideError(f"{source} does not set {', '.join(missing)}")
    return cls(**_checked(cls, values, source))


def _checked(
    cls: type[DataclassInstance], values: Mapping[str, Any], source: str
) -> dict[str, Any]:
    hints = _types(cls)
    return {name: _typed(hints, name, value, source) for name, value in values.items()}


def _types(cls: type[DataclassInstance]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _typed(hints: Mapping[str, Any], name: str, value: Any, source: str) -> Any:
    if name not in hints:
        near = difflib.get_close_matches(name, hints, n=1)
        known = f"did you mean {near[0]}?" if near else f"known: {', '.join(hints) or 'none'}"
        raise OverrideError(f"{source} sets {name}, which the notebook does not have ({known})")
    fits, result = _convert(hints[name], value)
    if not fits:
        hint = hints[name]
        wanted = hint.__name__ if isinstance(hint, type) else str(hint)
        raise OverrideError(f"{source} sets {name} to {value!r}, which is not of type {wanted}")
    return result


def _convert(annotation: Any, value: Any) -> tuple[bool, Any]:
    """Say whether ``value`` fits ``annotation``, and give it in that type."""
    origin = get_origin(annotation) or annotation
    if origin in (Union, types.UnionType):
        # A value that already is of one of the types stays as it is: 1 is an int in int | float.
        options = [_convert(option, value) for option in get_args(annotation)]
        fitting = [result for fits, result in options if fits]
        same = [result for result in fitting if type(result) is type(value)]
        return bool(fitting), next(iter([*same, *fitting]), None)
    if annotation is None or annotation is types.NoneType:
        return value is None, None
    if origin is float and type(value) is int:
        return True, float(value)
    if origin in _JSON_TYPES:
        return _collection(origin, value)
    if origin is Any or not isinstance(origin, type):
        # As with Literal, only the notebook's code can tell.
        return True, value
    # bool is a subclass of int, but `EPOCHS: true` is a mistake.
    fits = isinstance(value, origin) and (origin is bool or not isinstance(value, bool))
    return fits, value


def _collection(origin: Any, value: Any) -> tuple[bool, Any]:
    """Flower's configurations hold scalars only: a collection travels as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return False, None
    kinds = dict if origin is dict else (list, tuple, set)
    return (True, origin(value)) if isinstance(value, kinds) else (False, None)
