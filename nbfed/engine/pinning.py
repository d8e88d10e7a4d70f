"""Which worker process each site of a simulation has: one with its device."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

_AUTO = "auto"


def devices_of(names: Sequence[str], devices: Mapping[str, str]) -> list[str]:
    """Return each site's device; one that has no entry, as the pooled site, has the others' own."""
    given = set(devices.values())
    usual = given.pop() if len(given) == 1 else _AUTO
    return [devices.get(name, usual) for name in names]


def pinned(devices: Sequence[str], workers: int) -> list[int]:
    """Return the number of each site's worker: sites take turns with those of their device.

    Each device has a worker at least, so there may be more than ``workers``; none is idle.
    """
    kinds = list(dict.fromkeys(devices))
    count = max(workers, len(kinds))
    turns = {
        kind: itertools.cycle(range(first, count, len(kinds))) for first, kind in enumerate(kinds)
    }
    found = [next(turns[device]) for device in devices]
    numbers = {worker: number for number, worker in enumerate(sorted(set(found)))}
    return [numbers[worker] for worker in found]
