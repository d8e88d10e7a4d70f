"""Backward slices: what the statements of a role need from the rest of the notebook."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.missing import missing_name
from nbfed.plan.verdict import Argue, Copy, Pass, Refuse, Verdict, Warned
from nbfed.program import Origin
from nbfed.roles import Role

BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}


@dataclass(frozen=True)
class Need:
    """A name that ``reader`` reads, as it is just before the statement number ``position``."""

    name: str
    position: int
    reader: Statement
    node: ast.AST
    soft: bool = False


@dataclass
class Slice:
    """One stage's statements and arguments, as they are found.

    ``models`` maps each module that the stage takes as an argument to the last statement that
    makes or changes it; ``data`` does so for what the stage takes from the site's data;
    ``adopted`` are untagged statements that thereby became part of loading the data.
    """

    role: Role
    end: int
    statements: dict[int, Statement] = field(default_factory=dict)
    arguments: dict[str, Origin] = field(default_factory=dict)
    models: dict[str, Statement] = field(default_factory=dict)
    data: dict[str, Statement] = field(default_factory=dict)
    adopted: dict[int, Statement] = field(default_factory=dict)
    unresolved: set[str] = field(default_factory=set)
    problems: list[Diagnostic] = field(default_factory=list)

    @property
    def ordered(self) -> tuple[Statement, ...]:
        """The statements in the order of the notebook."""
        return tuple(self.statements[key] for key in sorted(self.statements))


class Slicer:
    """Makes the slice of one role.

    ``judge`` decides about each statement that the slice reaches; see ``nbfed.plan.rules``.
    """

    def __init__(
        self, facts: Facts, judge: Callable[[Slice, Need, Statement], Verdict], role: Role, end: int
    ) -> None:
        self.facts = facts
        self.judge = judge
        self.slice = Slice(role, end)
        self._seen: set[tuple[str, int, bool]] = set()
        self._todo: list[Need] = []

    def run(self, own: Iterable[Statement]) -> Slice:
        """Follow everything that ``own`` needs."""
        for statement in own:
            if not statement.is_import:  # those that are used are found like all others
                self.include(statement)
        while self._todo:
            self._resolve(self._todo.pop())
        return self.slice

    def include(self, statement: Statement, reached_at: int | None = None) -> None:
        """Take a statement into the slice, and note what it needs in turn."""
        known = statement.order in self.slice.statements
        self.slice.statements[statement.order] = statement
        names = statement.names
        if not known:
            for name, node in names.reads.items():
                self._need(name, statement.order, statement, node)
            for name, node in names.soft_reads.items():
                self._need(name, statement.order, statement, node, soft=True)
            for name, node in names.deferred.items():
                self._need(name, self.slice.end, statement, node)
        # A function that an earlier statement calls reads its globals there, not at the end.
        if reached_at is not None and names.deferred and reached_at < self.slice.end:
            for bound in names.binds:
                for name in self.facts.varying.get(bound, ()):
                    self._need(name, reached_at, statement, statement.node, soft=True)

    def _need(
        self, name: str, position: int, reader: Statement, node: ast.AST, *, soft: bool = False
    ) -> None:
        if (name, position, False) in self._seen or (name, position, soft) in self._seen:
            return
        self._seen.add((name, position, soft))
        self._todo.append(Need(name, position, reader, node, soft))

    def _resolve(self, need: Need) -> None:
        found = self.facts.before(need.name, need.position)
        while found is not None:
            match self.judge(self.slice, need, found):
                case Copy():
                    self.include(found, need.position)
                    self._go_on(need, found)
                    return
                case Argue(origin):
                    self._argue(need, found, origin)
                    return
                case Refuse(problem):
                    self.slice.unresolved.add(need.name)
                    if not need.soft:
                        self.slice.problems.append(problem)
                    return
                case Warned(problem):
                    self.slice.problems.append(problem)
                case Pass():
                    pass
            found = self.facts.before(need.name, found.order)
        if need.name not in BUILTINS and not need.soft:
            self._missing(need)

    def _go_on(self, need: Need, found: Statement) -> None:
        """A definition that may not have run, or only changes, leaves earlier ones standing."""
        if need.name not in found.names.binds:
            soft = need.name in found.names.bound
            self._need(need.name, found.order, found, need.node, soft=soft or need.soft)
        elif found.is_import and self._imports_part_of(found, need.name):
            earlier = self.facts.before(need.name, found.order)
            while earlier is not None and earlier.is_import:
                self.include(earlier)
                earlier = self.facts.before(need.name, earlier.order)

    @staticmethod
    def _imports_part_of(found: Statement, name: str) -> bool:
        """``import torch.optim`` also needs what ``import torch.nn`` before it brought."""
        return any(
            isinstance(node, ast.Import)
            and any("." in alias.name and not alias.asname for alias in node.names)
            for node in found.nodes
        )

    def _argue(self, need: Need, found: Statement, origin: Origin) -> None:
        self.slice.arguments[need.name] = origin
        last = {Origin.MODEL: self.slice.models, Origin.DATA: self.slice.data}.get(origin)
        if last is not None and (need.name not in last or last[need.name].order < found.order):
            last[need.name] = found

    def _missing(self, need: Need) -> None:
        later = self.facts.after(need.name, need.position)
        if later is not None and later.is_import:
            # Imports stand at the head of a module, wherever the notebook has them.
            self.include(later)
            return
        self.slice.unresolved.add(need.name)
        self.slice.problems.append(missing_name(self.facts, need))
