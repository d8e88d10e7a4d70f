"""A condition on a metric, as in ``accuracy >= 0.9``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_FORM = re.compile(r"\s*([^\s<>=]+)\s*(>=|<=|>|<)\s*([^\s<>=]+)\s*")


@dataclass(frozen=True)
class Condition:
    """A metric's name, one of four signs, and a finite number."""

    metric: str
    sign: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a condition; nothing in it is evaluated. Raises ValueError for anything else."""
        match = _FORM.fullmatch(text)
        try:
            limit = float(match[3]) if match else math.nan
        except ValueError:
            limit = math.nan
        if match is None or not math.isfinite(limit):
            raise ValueError(f"{text!r} is not METRIC, one of >= <= > <, and a number")
        return cls(match[1], match[2], limit)

    def holds(self, value: float) -> bool:
        """Say whether ``value`` of the metric meets the condition; NaN never does."""
        return _COMPARE[self.sign](value, self.limit)

    def __str__(self) -> str:
        return f"{self.metric} {self.sign} {self.limit:g}"
