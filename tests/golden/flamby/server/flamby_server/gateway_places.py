"""Who may hold a connection to the gateway: few strangers for a short time, sites for longer."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from .gateway_callers import Caller
from .gateway_http import Refused
from .gateway_limits import Limits

Task = asyncio.Task[Any]


class Places:
    """The connections, each by its task: of strangers, and of sites that have signed."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._strangers: dict[Task, None] = {}
        self._sites: dict[Task, Caller] = {}
        self._by_key: Counter[bytes] = Counter()

    def enter(self, task: Task) -> None:
        """Give a new connection a place; the stranger that is here longest makes room."""
        self._strangers[task] = None
        if len(self._strangers) > self._limits.strangers:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.cancel()

    def is_seated(self, task: Task) -> bool:
        """Say whether this is a site's connection."""
        return task in self._sites

    def seat(self, task: Task, caller: Caller) -> None:
        """Make the connection the caller's; raises Refused if it is another's, or has too many."""
        if task in self._sites:
            if self._sites[task].key != caller.key:
                raise Refused(401, f"{caller.site}: on the connection of another site")
            return
        if self._by_key[caller.key] >= self._limits.connections_per_site:
            raise Refused(503, f"{caller.site}: too many connections")
        if len(self._sites) >= self._limits.connections:
            raise Refused(503, f"{caller.site}: too many connections of all sites together")
        self._strangers.pop(task, None)
        self._sites[task] = caller
        self._by_key[caller.key] += 1

    def leave(self, task: Task) -> None:
        """Free the place of a connection that has ended."""
        self._strangers.pop(task, None)
        caller = self._sites.pop(task, None)
        if caller:
            self._by_key[caller.key] -= 1

    def clear(self) -> list[Task]:
        """End all connections; return their tasks, to be waited for."""
        tasks = [*self._strangers, *self._sites]
        for task in tasks:
            task.cancel()
        return tasks
