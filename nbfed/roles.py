"""Roles that a region of a notebook can have, and the regions themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a region of code is for."""

    PARAMS = "params"
    SITE = "site"
    DATA = "data"
    MODEL = "model"
    TRAIN = "train"
    EVALUATE = "evaluate"
    STRATEGY = "strategy"
    INCLUDE = "include"
    SKIP = "skip"


@dataclass(frozen=True)
class Region:
    """Lines ``first_line`` to ``last_line`` (1-based, both included) of a code cell.

    ``role`` is None for untagged code. Regions of one cell do not overlap and cover it.
    """

    cell: int
    first_line: int
    last_line: int
    role: Role | None = None
    options: Mapping[str, str] = field(default_factory=dict)
