"""How many torch threads a site's process gets where all sites share one machine."""

from __future__ import annotations

import os


def threads_for(sites: int) -> int:
    """Threads for each of this many sites: together they use the cores, and never fewer than one.

    Simulation and federation must agree on it: the last bits of a sum depend on the threads.
    """
    return max(1, (os.cpu_count() or 1) // max(1, sites))
