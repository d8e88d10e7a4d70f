"""All that is known of a notebook's statements before any slice is made."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import starmap

from nbfed.analyse.effects import with_effects
from nbfed.analyse.kinds import Kind
from nbfed.analyse.module_changes import with_module_changes
from nbfed.analyse.origins import function_reads, origins_of, through_functions
from nbfed.analyse.purity import Purity
from nbfed.analyse.statements import Statement
from nbfed.analyse.values import Values
from nbfed.analyse.vocabulary import Vocabulary, vocabulary_of
from nbfed.read.notebook import Notebook
from nbfed.roles import Role


@dataclass(frozen=True)
class Fact:
    """What is known of one statement.

    ``kinds`` of the names that it binds or changes; ``origins`` are the roles that its values
    depend on, through any number of other statements, MODEL wherever a torch module is among
    them; ``harmless`` where running it does nothing but bind its names.
    """

    kinds: Mapping[str, Kind]
    origins: frozenset[Role]
    harmless: bool


@dataclass(frozen=True)
class Facts:
    """A notebook, read.

    ``touching`` lists for each name the statements that bind or change it. ``varying`` gives for
    a function or class the names of several meanings that calling it reads, through other
    functions too.
    """

    notebook: Notebook
    statements: tuple[Statement, ...]
    vocabulary: Vocabulary
    values: Values
    purity: Purity
    facts: tuple[Fact, ...]
    touching: Mapping[str, tuple[int, ...]]
    varying: Mapping[str, frozenset[str]]

    @cached_property
    def modules(self) -> Mapping[str, Kind]:
        """Names that hold a torch module anywhere in the notebook."""
        return {
            name: kind
            for fact in self.facts
            for name, kind in fact.kinds.items()
            if kind is Kind.MODULE
        }

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

    def holding(self, kind: Kind, before: int) -> tuple[str, ...]:
        """Names that hold a value of that kind just before statement ``before``."""
        lasts = ((name, self.before(name, before)) for name in self.touching)
        return tuple(
            name
            for name, last in lasts
            if last is not None and self.fact(last).kinds.get(name) is kind
        )

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
    statements = with_effects(statements, vocabulary)
    values = Values(vocabulary)
    purity = Purity(vocabulary)
    statements = with_module_changes(statements, _kinds_of(statements, values), vocabulary)
    kinds = _kinds_of(statements, values)
    touching: dict[str, list[int]] = {}
    for statement in statements:
        for name in statement.names.touched:
            touching.setdefault(name, []).append(statement.order)
    harmless = [item.is_import or purity.statement(item) for item in statements]
    origins = origins_of(statements, kinds, harmless)
    several = {name: frozenset({name}) for name, orders in touching.items() if len(orders) > 1}
    return Facts(
        notebook,
        statements,
        vocabulary,
        values,
        purity,
        tuple(starmap(Fact, zip(kinds, origins, harmless, strict=True))),
        {name: tuple(orders) for name, orders in touching.items()},
        through_functions(function_reads(statements), several),
    )


def _kinds_of(statements: Sequence[Statement], values: Values) -> list[dict[str, Kind]]:
    """For each statement, kinds of the names that it binds or changes, as if the notebook ran."""
    env: dict[str, Kind] = {}
    found: list[dict[str, Kind]] = []
    for statement in statements:
        kinds = {
            name: env[name]
            for name in statement.names.changes - statement.names.bound
            if name in env
        }
        for node in statement.nodes:
            for name, kind in values.kinds_bound_in(node, ChainMap(kinds, env)).items():
                if kind is not Kind.UNKNOWN:
                    kinds[name] = kind
                elif name in statement.names.reads:
                    # `model, history = fit(model)` leaves it what it was.
                    kinds[name] = env.get(name, kind)
                elif statement.role is Role.MODEL and _assigns_call(node):
                    # An unknown call in a model region is taken at its author's word.
                    kinds[name] = Kind.MODULE
                else:
                    kinds[name] = kind
        for name in statement.names.bound:
            env[name] = kinds.get(name, Kind.UNKNOWN)
        found.append(kinds)
    return found


def _assigns_call(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call)
