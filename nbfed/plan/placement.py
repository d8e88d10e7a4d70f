"""Where each statement of a stage stands: among the imports, in the module, or in the body."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement

# Values that nothing in a stage can change, or that nobody does change.
_STATELESS = frozenset({Kind.NUMBER, Kind.TEXT, Kind.DEVICE, Kind.TRANSFORM, Kind.DEFINITION})


@dataclass(frozen=True)
class Placement:
    """The statements of a stage, each in its place, in the order of the notebook.

    ``global_names`` are names that functions of the notebook declare global and that the body
    therefore has to declare too.
    """

    imports: tuple[Statement, ...]
    module: tuple[Statement, ...]
    body: tuple[Statement, ...]
    global_names: tuple[str, ...]


def placed(
    facts: Facts,
    statements: Sequence[Statement],
    own: frozenset[int],
    arguments: Mapping[str, object],
) -> Placement:
    """Place ``statements``. ``own`` are the numbers of the role's own ones.

    What reads an argument, or a name that lives in the body, has to stand in the body as well,
    functions and classes included: there they are closures over it. So does whatever binds a
    name that the body binds, since Python takes a name that a function assigns as the
    function's own throughout.
    """
    declared = frozenset(name for item in statements for name in item.names.declared_global)
    changed = frozenset(
        name
        for item in statements
        for name in item.names.changes | item.names.deferred_changes
        if not facts.vocabulary.is_imported(name)
    )
    body = {
        item.order
        for item in statements
        if _starts_in_body(facts, item, own)
        or (item.names.bound & (changed | declared) and not (item.is_definition or item.is_import))
    }
    local = set(arguments)
    for item in statements:
        if item.order in body:
            local |= item.names.bound - declared
    _close(statements, body, local, declared)
    return Placement(
        tuple(i for i in statements if i.order not in body and _plain_import(i)),
        tuple(i for i in statements if i.order not in body and not _plain_import(i)),
        tuple(i for i in statements if i.order in body),
        tuple(
            sorted(
                n
                for n in declared
                if any(n in i.names.bound for i in statements if i.order in body)
            )
        ),
    )


def _starts_in_body(facts: Facts, item: Statement, own: frozenset[int]) -> bool:
    if item.is_import or item.is_definition or _conditional_import(item):
        return False
    if item.order in own or item.text:
        return True
    return not _stateless(facts, item)


def _stateless(facts: Facts, item: Statement) -> bool:
    """Whether the value may be made once and shared by all calls of the stage."""
    kinds = facts.fact(item).kinds
    if not item.names.bound:
        return False
    for node in item.nodes:
        if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.If)):
            return False
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value and _constant(node.value):
            continue
        if not all(_shared(facts, item, kinds.get(name)) for name in item.names.bound):
            return False
    return True


def _shared(facts: Facts, item: Statement, kind: Kind | None) -> bool:
    """A library's loss holds no state; one of the notebook's own may."""
    if kind is Kind.LOSS:
        return not item.names.reads.keys() & facts.vocabulary.classes.keys()
    return kind in _STATELESS


def _constant(node: ast.expr) -> bool:
    """A constant, or a container of constants: shared as long as nothing changes it."""
    return not any(
        isinstance(part, (ast.Call, ast.Await, ast.NamedExpr)) for part in ast.walk(node)
    ) and isinstance(
        node,
        (
            ast.Constant,
            ast.List,
            ast.Tuple,
            ast.Dict,
            ast.Set,
            ast.BinOp,
            ast.UnaryOp,
            ast.Lambda,
            ast.Name,
            ast.Attribute,
            ast.JoinedStr,
            ast.Compare,
            ast.BoolOp,
            ast.IfExp,
            ast.Subscript,
        ),
    )


def _plain_import(item: Statement) -> bool:
    return item.is_import and not item.indent


def _conditional_import(item: Statement) -> bool:
    """``try: import a`` / ``except ImportError: ...``."""
    return all(isinstance(node, (ast.Try, ast.If)) for node in item.nodes) and any(
        isinstance(part, (ast.Import, ast.ImportFrom))
        for node in item.nodes
        for part in ast.iter_child_nodes(node)
    )


def _close(
    statements: Sequence[Statement],
    body: set[int],
    local: set[str],
    declared: frozenset[str],
) -> None:
    """Move into the body what depends on it, until nothing more moves."""
    users: dict[str, list[Statement]] = {}
    for item in statements:
        names = item.names
        for name in {*names.reads, *names.soft_reads, *names.deferred, *names.touched}:
            users.setdefault(name, []).append(item)
    todo = list(local)
    while todo:
        for item in users.get(todo.pop(), ()):
            if item.order in body:
                continue
            body.add(item.order)
            new = item.names.bound - declared - local
            local |= new
            todo.extend(new)
