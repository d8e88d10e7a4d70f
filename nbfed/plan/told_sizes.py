"""Sizes that the data give a model, and that a site therefore tells the server.

``nn.Linear(table.shape[1], 2)`` needs one number of the data, and not the data. Each site computes
it where it loads them; the server, which makes the first weights, asks a site before the first
round. Only what the text shows to be one whole number is such a size.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement, written
from nbfed.diagnostics import Diagnostic
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.notes import note
from nbfed.plan.settings import Settings
from nbfed.plan.sizes import climbed, may_size, name_of_size, names_it, parents_of, replaced
from nbfed.program import Parameter
from nbfed.roles import Role

# What people call a number: `n_classes`, `num_features`, `vocab_size`, `input_dim`, `seq_len`.
_NUMBER = re.compile(
    r"(n|nb|no|num|number|total|count)_\w+|(n|num)[A-Z]\w*|\w*(size|dim|length|len|count)|"
    r"(n|num)(classes|features|labels|inputs|outputs|channels|words|tokens)"
)
_COUNTING = frozenset({"len", "int", "max", "min", "sum", "round", "abs"})
_COUNTS = frozenset({"size", "nunique", "dim", "numel", "item", "nelement", "n_unique"})


def told_sizes(facts: Facts, settings: Settings) -> Completed:
    """Give a name to each expression that measures the data where a model is made of it."""
    if not settings.asks_sites:
        return unchanged(facts)
    statements: list[Statement] = []
    for item in facts.statements:
        found = [] if names_it(facts, item) else list(_measures(facts, settings, item))
        for name, node in dict(found).items():
            statements.append(written(f"{name} = {ast.unparse(node)}", item, Role.DATA))
        statements.append(replaced(facts, item, found) if found else item)
    if len(statements) == len(facts.statements):
        return unchanged(facts)
    return Completed(tuple(statements))


def is_told(facts: Facts, settings: Settings, name: str, found: Statement) -> bool:
    """Whether ``found`` computes the size ``name`` from a site's data."""
    fact = facts.fact(found)
    if not settings.asks_sites or name not in found.names.binds or found.is_definition:
        return False
    if found.role in (Role.TRAIN, Role.EVALUATE, Role.STRATEGY, Role.SKIP, Role.INCLUDE):
        return False
    of_data = Role.DATA in fact.origins or (found.role is Role.DATA and not fact.harmless)
    if not of_data or Role.MODEL in fact.origins:
        return False
    return fact.kinds.get(name) in (None, Kind.NUMBER, Kind.UNKNOWN, Kind.PURE, Kind.EFFECT) and (
        bool(_NUMBER.fullmatch(name)) or _counts(found, name)
    )


def as_parameters(made: Mapping[str, Statement]) -> Iterator[Parameter]:
    """The parameters by which the server knows the sizes; 0 until a site has told them."""
    for name, statement in made.items():
        yield Parameter(name, "int", "0", statement.cell, statement.line, "a site tells it")


def told(facts: Facts, made: Mapping[str, Statement]) -> Iterator[Diagnostic]:
    """Say of the sizes, line by line, that they come from the sites' data."""
    for at in dict.fromkeys((item.cell, item.line) for item in made.values()):
        names = [name for name, item in made.items() if (item.cell, item.line) == at]
        listed = " and ".join(f"`{name}`" for name in names)
        given = ", ".join(f"{name}: 6" for name in names)
        yield note(
            facts,
            "NBF334",
            made[names[0]],
            f"the model has {listed} from the data: the server asks a site for such a number "
            "before the first round",
            f"all sites need the same; to fix it, add to federation.yaml `params: {{{given}}}`",
        )


def _measures(facts: Facts, settings: Settings, item: Statement) -> Iterator[tuple[str, ast.expr]]:
    if not may_size(facts, item):
        return
    known = {parameter.name for parameter in settings.params}
    parents = parents_of(item)
    outer = _outer_names(item, parents)
    for part in parents:
        if not isinstance(part, ast.Name) or part.id not in outer:
            continue
        before = facts.before(part.id, item.order)
        if before is None or not _is_data(facts, before):
            continue
        node = climbed(facts, part, parents)
        name = name_of_size(ast.unparse(node))
        free = name not in known and name not in facts.touching
        if free and _is_count(node) and node.lineno == node.end_lineno:
            yield name, node


def _outer_names(item: Statement, parents: Iterable[ast.AST]) -> frozenset[str]:
    """Names that mean the notebook's own wherever they stand in the statement."""
    if not item.is_definition:
        inner = {part.id for part in parents if isinstance(part, ast.Name) and _binds(part)}
        return frozenset(item.names.reads.keys() - inner)
    if not isinstance(item.node, ast.ClassDef):
        return frozenset()
    inner = {part.id for part in parents if isinstance(part, ast.Name) and _binds(part)}
    inner |= {part.arg for part in parents if isinstance(part, ast.arg)}
    return frozenset(item.names.deferred.keys() - inner)


def _binds(part: ast.Name) -> bool:
    return not isinstance(part.ctx, ast.Load)


def _is_data(facts: Facts, found: Statement) -> bool:
    fact = facts.fact(found)
    if found.is_import or found.is_definition or Role.MODEL in fact.origins:
        return False
    return Role.DATA in fact.origins or (found.role is Role.DATA and not fact.harmless)


def _counts(found: Statement, name: str) -> bool:
    """Whether the statement gives ``name`` what counts or measures something."""
    for node in found.nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                return _is_count(value)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                pairs = zip(targets, values, strict=False)
                return any(
                    isinstance(target, ast.Name) and target.id == name and _is_count(value)
                    for target, value in pairs
                )
    return False


def _is_count(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=function)):
            return function in _COUNTING
        case ast.Call(func=ast.Attribute(attr=method)):
            return method in _COUNTS
        case ast.Subscript(value=ast.Attribute(attr="shape"), slice=ast.Constant() | ast.UnaryOp()):
            return True
        case ast.Subscript(
            value=ast.Call(func=ast.Attribute(attr="size")), slice=ast.Constant() | ast.UnaryOp()
        ):
            return True
        case ast.Attribute(attr=name):
            return bool(_NUMBER.fullmatch(name))
        case ast.BinOp(left=left, right=right):
            parts = [side for side in (left, right) if not isinstance(side, ast.Constant)]
            return bool(parts) and all(map(_is_count, parts))
        case _:
            return False
