"""All that is known of a notebook's statements before any slice is made."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nbfed.analyse.kinds import Kind
from nbfed.analyse.purity import Purity
from nbfed.analyse.statements import Statement
from nbfed.analyse.values import Values
from nbfed.analyse.vocabulary import Vocabulary, vocabulary_of
from nbfed.notebook import Notebook
from nbfed.roles import Role


@dataclass(frozen=True)
class Fact:
    """What is known of one statement.

    ``kinds`` of the names that it binds or changes; ``origins`` are the roles that its values depend on,
    through any number of other statements, MODEL wherever a torch module is among them;
    ``harmless`` where running it does nothing but bind its names.
    """

    kinds: Mapping[str, Kind]
    origins: frozenset[Role]
    harmless: bool


@dataclass(frozen=True)
class Facts:
    """A notebook, read. ``touching`` lists for each name the statements that bind or change it."""

    notebook: Notebook
    statements: tuple[Statement, ...]
    vocabulary: Vocabulary
    values: Values
    purity: Purity
    facts: tuple[Fact, ...]
    touching: Mapping[str, tuple[int, ...]]

    def before(self, name: str, order: int) -> Statement | None:
        """The last statement before ``order`` that binds or changes ``name``."""
        orders = self.touching.get(name, ())
        at = bisect_left(orders, order)
        return self.statements[orders[at - 1]] if at else None

    def after(self, name: str, order: int) -> Statement | None:
        """The first statement from ``order`` on that binds ``name``."""
        orders = self.touching.get(name, ())
        for at in orders[bisect_left(orders, order) :]:
            if name in self.statements[at].names.bound:
                return self.statements[at]
        return None

    def in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """``names`` in the order in which the notebook first binds them."""

        def first(name: str) -> tuple[int, int, str]:
            statement = self.statements[self.touching[name][0]]
            targets = [
                part.id
                for node in statement.nodes
                for part in ast.walk(node)
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            ]
            return statement.order, targets.index(name) if name in targets else 0, name

        return tuple(sorted(names, key=first))

    def fact(self, statement: Statement) -> Fact:
        """What is known of ``statement``."""
        return self.facts[statement.order]

    def of_role(self, role: Role) -> tuple[Statement, ...]:
        """The statements of all regions of a role."""
        return tuple(statement for statement in self.statements if statement.role is role)


def read_facts(
    notebook: Notebook,
    statements: tuple[Statement, ...],
    helpers: Mapping[str, ast.Module] | None = None,
) -> Facts:
    """Read ``statements``, those of ``notebook``, once from top to bottom."""
    vocabulary = vocabulary_of(statements, helpers)
    values = Values(vocabulary)
    purity = Purity(vocabulary)
    touching: dict[str, list[int]] = {}
    for statement in statements:
        for name in statement.names.touched:
            touching.setdefault(name, []).append(statement.order)
    first = _Pass(vocabulary, values, purity, {})
    first.run(statements)
    # A function may read what a later cell makes: origins of functions come from the first pass.
    second = _Pass(vocabulary, values, purity, _function_origins(statements, first.origins))
    return Facts(
        notebook,
        statements,
        vocabulary,
        values,
        purity,
        tuple(second.run(statements)),
        {name: tuple(orders) for name, orders in touching.items()},
    )


class _Pass:
    """One walk over the statements, as if the notebook ran."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        values: Values,
        purity: Purity,
        functions: Mapping[str, frozenset[Role]],
    ) -> None:
        self.vocabulary = vocabulary
        self.values = values
        self.purity = purity
        self.functions = functions
        self.kinds: dict[str, Kind] = {}
        self.origins: dict[str, frozenset[Role]] = {}

    def run(self, statements: Sequence[Statement]) -> list[Fact]:
        return [self._read(statement) for statement in statements]

    def _read(self, statement: Statement) -> Fact:
        kinds = self._kinds(statement)
        harmless = statement.is_import or self.purity.statement(statement)
        names = statement.names
        origins: set[Role] = set()
        for name in (*names.reads, *names.soft_reads):
            origins |= self.origins.get(name, frozenset()) | self.functions.get(name, frozenset())
        if _is_source(statement, harmless):
            assert statement.role is not None
            origins.add(statement.role)
        for name in names.bound:
            own = {Role.MODEL} if kinds.get(name) is Kind.MODULE else set()
            carried = self.origins.get(name, frozenset()) if name not in names.binds else frozenset()
            definition = statement.is_definition or statement.is_import
            self.origins[name] = frozenset() if definition else frozenset({*origins, *own, *carried})
            self.kinds[name] = kinds.get(name, Kind.UNKNOWN)
        for name in names.changes - names.bound:
            self.origins[name] = self.origins.get(name, frozenset()) | origins
        return Fact(kinds, frozenset(origins), harmless)

    def _kinds(self, statement: Statement) -> dict[str, Kind]:
        kinds = {
            name: self.kinds[name]
            for name in statement.names.changes - statement.names.bound
            if name in self.kinds
        }
        for node in statement.nodes:
            found = self.values.kinds_bound_in(node, ChainMap(kinds, self.kinds))
            if statement.role is Role.MODEL and _assigns_call(node):
                # An unknown call in a model region is taken at its author's word.
                found = {
                    name: Kind.MODULE if kind is Kind.UNKNOWN else kind
                    for name, kind in found.items()
                }
            for name, kind in found.items():
                rebound = name in statement.names.reads and kind is Kind.UNKNOWN
                kinds[name] = self.kinds.get(name, kind) if rebound else kind
        return kinds


def _assigns_call(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call)


def _is_source(statement: Statement, harmless: bool) -> bool:
    """Whether what ``statement`` binds is known only where its role runs."""
    if statement.role in (Role.PARAMS, Role.SITE):
        return not (statement.is_definition or statement.is_import)
    return statement.role in (Role.DATA, Role.TRAIN, Role.EVALUATE) and not harmless


def _function_origins(
    statements: Sequence[Statement], origins: Mapping[str, frozenset[Role]]
) -> dict[str, frozenset[Role]]:
    """The roles that calling each function or class depends on, through other functions too."""
    reads: dict[str, set[str]] = {}
    for statement in statements:
        if statement.is_definition:
            for name in statement.names.bound:
                reads.setdefault(name, set()).update(statement.names.deferred)
    found = {
        name: frozenset().union(*(origins.get(read, frozenset()) for read in names))
        for name, names in reads.items()
    }
    readers: dict[str, list[str]] = {}
    for name, names in reads.items():
        for read in names & reads.keys():
            readers.setdefault(read, []).append(name)
    todo = [name for name in found if found[name]]
    while todo:
        name = todo.pop()
        for reader in readers.get(name, ()):
            if not found[name] <= found[reader]:
                found[reader] |= found[name]
                todo.append(reader)
    return found
