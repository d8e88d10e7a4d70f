"""Which roles a statement's values depend on, through any number of other statements."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TypeVar

from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement
from nbfed.roles import Role

_T = TypeVar("_T")
_Origins = frozenset[Role]
_NONE: _Origins = frozenset()


def origins_of(
    statements: Sequence[Statement],
    kinds: Sequence[Mapping[str, Kind]],
    harmless: Sequence[bool],
) -> list[_Origins]:
    """For each statement the roles behind what it reads; MODEL stands for any torch module."""
    _, last = _walked(statements, kinds, harmless, {})
    # A function may read what a later cell makes, hence a second walk that knows the functions.
    functions = through_functions(function_reads(statements), last)
    found, _ = _walked(statements, kinds, harmless, functions)
    return found


def _walked(
    statements: Sequence[Statement],
    kinds: Sequence[Mapping[str, Kind]],
    harmless: Sequence[bool],
    functions: Mapping[str, _Origins],
) -> tuple[list[_Origins], dict[str, _Origins]]:
    """Origins of each statement, and of each name at the end, as if the notebook ran."""
    env: dict[str, _Origins] = {}
    found: list[_Origins] = []
    # Functions and classes of data regions: what calls them loads data.
    loaders = {
        name
        for item in statements
        if item.role is Role.DATA and item.is_definition
        for name in item.names.bound
    }
    for statement, kinds_here, is_harmless in zip(statements, kinds, harmless, strict=True):
        names = statement.names
        origins = _NONE.union(
            *(env.get(name, _NONE) | functions.get(name, _NONE) for name in names.reads),
            *(env.get(name, _NONE) | functions.get(name, _NONE) for name in names.soft_reads),
            _own(statement, kinds_here, is_harmless, loaders),
        )
        found.append(origins)
        is_definition = statement.is_definition or statement.is_import
        for name in names.bound:
            kept = _NONE if name in names.binds else env.get(name, _NONE)
            module = {Role.MODEL} if kinds_here.get(name) is Kind.MODULE else _NONE
            env[name] = _NONE if is_definition else origins | kept | module
        for name in names.changes - names.bound:
            env[name] = env.get(name, _NONE) | origins
    return found, env


def _own(
    statement: Statement, kinds: Mapping[str, Kind], harmless: bool, loaders: set[str]
) -> _Origins:
    """What the statement itself adds: where alone its values can be known."""
    found: set[Role] = set()
    if statement.is_definition or statement.is_import:
        return _NONE
    if statement.role in (Role.PARAMS, Role.SITE):
        found.add(statement.role)
    if "os" in statement.names.reads and reads_environment(statement):
        found.add(Role.SITE)
    makes_data = any(kind in (Kind.DATASET, Kind.LOADER) for kind in kinds.values())
    if loaders & statement.names.reads.keys() and statement.role in (None, Role.DATA):
        found.add(Role.DATA)
    if makes_data and isinstance(statement.node, (ast.Assign, ast.AnnAssign)):
        found.add(Role.DATA)
    elif statement.role in (Role.DATA, Role.TRAIN, Role.EVALUATE) and not harmless:
        found.add(statement.role)
    return frozenset(found)


def reads_environment(statement: Statement) -> bool:
    """Whether the statement reads an environment variable, which is a site's own."""
    return any(
        isinstance(part, ast.Attribute)
        and part.attr in ("environ", "getenv")
        and isinstance(part.value, ast.Name)
        and part.value.id == "os"
        for node in statement.nodes
        for part in ast.walk(node)
    )


def function_reads(statements: Sequence[Statement]) -> dict[str, set[str]]:
    """For each function and class, the names that calling it reads by itself."""
    reads: dict[str, set[str]] = {}
    for statement in statements:
        if statement.is_definition:
            for name in statement.names.bound:
                reads.setdefault(name, set()).update(statement.names.deferred)
    return reads


def through_functions(
    reads: Mapping[str, set[str]], properties: Mapping[str, frozenset[_T]]
) -> dict[str, frozenset[_T]]:
    """What names stand for, gathered for each function over all that it reads and calls."""
    nothing: frozenset[_T] = frozenset()
    found = {
        name: nothing.union(*(properties.get(read, nothing) for read in names))
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
