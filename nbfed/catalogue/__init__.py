"""Every code that nbfed reports, with its explanation.

1xx reading and marking, 2xx names and slices, 3xx the shape of roles and what holds elsewhere,
4xx requirements and environment, 5xx output. To add a code, append an Entry to the
``ENTRIES`` of the block's module; numbers are never reused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nbfed.catalogue import elsewhere, environment, names, output, reading, shape
from nbfed.catalogue.entry import Entry, Severity

__all__ = ["CATALOGUE", "Entry", "Severity"]

_ALL = (
    *reading.ENTRIES,
    *names.ENTRIES,
    *shape.ENTRIES,
    *elsewhere.ENTRIES,
    *environment.ENTRIES,
    *output.ENTRIES,
)

CATALOGUE: Mapping[str, Entry] = MappingProxyType(
    {entry.code: entry for entry in sorted(_ALL, key=lambda entry: entry.code)}
)
