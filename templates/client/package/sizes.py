"""Whole numbers of this site's data without which the server cannot make the model."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable
from typing import Any

from flwr.app import ArrayRecord, Message

from .data import SiteData
from .failures import Refusal
from .trip import Trip


def asked_for_sizes(message: Message) -> Trip | None:
    """Return how to load the data if the server asks for the model's sizes, else None."""
    config = message.content.config_records["config"]
    if not config.get("sizes"):
        return None
    params = json.loads(str(config["params"]))
    seed = operator.index(config["seed"])  # type: ignore[arg-type]
    return Trip(ArrayRecord(), packed=False, round=0, params=params, seed=seed, evaluate=False)


def sizes_in(data: SiteData, names: Iterable[str]) -> dict[str, int]:
    """Return the sizes by name; raises Refusal where one is not a whole number above 0."""
    return {name: _whole(name, getattr(data, name)) for name in names}


def _whole(name: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        kind = type(value).__name__
        raise Refusal(f"`{name}` is no whole number here, but of type {kind}") from None
    if number < 1:
        raise Refusal(f"`{name}` is not above 0 here")
    return number
