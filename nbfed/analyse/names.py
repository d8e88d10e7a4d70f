"""Which names a statement binds, changes and reads, in the order in which it runs."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nbfed.analyse.flow import Flow, Node, State


@dataclass(frozen=True)
class Names:
    """The names of one statement, seen from outside.

    ``binds`` are bound for certain once the statement has run, ``may_bind`` perhaps (a branch,
    a loop), ``likely`` if every loop runs at least once. ``changes`` are roots of objects
    changed in place. ``reads`` are read at once and come from outside; ``soft_reads`` come from
    outside only if a branch of the statement did not bind them. ``deferred`` are read when a
    function that the statement defines is called; ``deferred_changes`` are changed then. Reads
    map to the node that reads.
    """

    binds: frozenset[str] = frozenset()
    may_bind: frozenset[str] = frozenset()
    likely: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    reads: Mapping[str, Node] = field(default_factory=dict)
    soft_reads: Mapping[str, Node] = field(default_factory=dict)
    deferred: Mapping[str, Node] = field(default_factory=dict)
    deferred_changes: frozenset[str] = frozenset()
    declared_global: frozenset[str] = frozenset()
    star_import: bool = False
    awaits: bool = False

    @property
    def bound(self) -> frozenset[str]:
        """All names that the statement binds, for certain or perhaps."""
        return self.binds | self.may_bind

    @property
    def touched(self) -> frozenset[str]:
        """All names that mean something else, or something changed, after the statement."""
        return self.bound | self.changes


def names_of(nodes: Sequence[ast.stmt]) -> Names:
    """The names of ``nodes``, statements that run one after the other."""
    flow = Flow()
    state = flow.block(nodes, State())
    result = flow.found
    return Names(
        binds=frozenset(state.sure),
        may_bind=frozenset(flow.bound - state.sure),
        likely=frozenset(state.bound),
        changes=frozenset(result.changes),
        reads=dict(result.reads),
        soft_reads={n: p for n, p in flow.soft.items() if n not in result.reads},
        deferred=dict(flow.deferred.reads),
        deferred_changes=frozenset(flow.deferred.changes),
        declared_global=frozenset(flow.deferred.declared_global),
        star_import=flow.star_import,
        awaits=flow.awaits,
    )
