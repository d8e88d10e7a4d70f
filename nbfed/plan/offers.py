"""What the notebook offers as arguments: its top-level names, and the values inside settings."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement
from nbfed.roles import Role


@dataclass(frozen=True)
class Offer:
    """A value that an argument may be bound to: its name, what it is, and who makes it.

    ``text`` is the expression for it, such as ``CFG.lr`` for the name ``lr``.
    """

    name: str
    kind: Kind
    role: Role | None
    text: str


def offers_of(facts: Facts, before: int) -> list[Offer]:
    """What a call at ``before`` could use: top-level names, then the values inside settings."""
    offers: list[Offer] = []
    inner: list[Offer] = []
    for name in facts.touching:
        last = facts.before(name, before)
        if last is None or name not in last.names.bound or last.role in _NOT_OFFERED:
            continue
        inner.extend(_settings_in(last, name))
        if last.is_import or last.is_definition:
            continue
        fact = facts.fact(last)
        role = last.role
        if role is None and fact.origins & {Role.DATA} and Role.MODEL not in fact.origins:
            role = Role.DATA
        offers.append(Offer(name, fact.kinds.get(name, Kind.UNKNOWN), role, name))
    return offers + inner


def _settings_in(statement: Statement, name: str) -> list[Offer]:
    """Values of ``class CFG: lr = ...``, ``Namespace(lr=...)`` and ``{"lr": ...}``."""
    found: list[tuple[str, str]] = []
    for node in statement.nodes:
        match node:
            case ast.ClassDef(name=str(owner), body=body) if owner == name:
                for part in body:
                    if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
                        found.append((part.targets[0].id, f"{name}.{part.targets[0].id}"))
            case ast.Assign(targets=[ast.Name(id=owner)], value=ast.Call(keywords=keywords)):
                found.extend(
                    (k.arg, f"{name}.{k.arg}") for k in keywords if k.arg and owner == name
                )
            case ast.Assign(targets=[ast.Name(id=owner)], value=ast.Dict(keys=keys)):
                for key in keys:
                    if (
                        isinstance(key, ast.Constant)
                        and isinstance(key.value, str)
                        and owner == name
                    ):
                        found.append((key.value, f"{name}[{key.value!r}]"))
    return [Offer(key, Kind.UNKNOWN, None, text) for key, text in found]


_NOT_OFFERED = (Role.TRAIN, Role.EVALUATE, Role.SKIP, Role.STRATEGY)
