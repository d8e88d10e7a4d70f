"""Merge and sort the import statements of a generated module, as isort's default does."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable

LINE_LENGTH = 100


def merged_imports(statements: Iterable[str]) -> str:
    """The import statements as sorted sections: standard library, others, this package.

    ``statements`` are source texts that hold ``import`` and ``from`` statements only; a name
    imported twice is imported once.
    """
    plain: set[tuple[str, str | None]] = set()
    members: dict[str, set[tuple[str, str | None]]] = {}
    for statement in statements:
        for node in ast.parse(statement).body:
            if isinstance(node, ast.Import):
                plain.update((alias.name, alias.asname) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                members.setdefault(module, set()).update(
                    (alias.name, alias.asname) for alias in node.names
                )
    sections = [
        _section(plain, members, section) for section in ("__future__", "stdlib", "other", "local")
    ]
    return "\n\n".join(section for section in sections if section)


def _section_of(module: str) -> str:
    if module.startswith("."):
        return "local"
    top = module.partition(".")[0]
    if top == "__future__":
        return top
    return "stdlib" if top in sys.stdlib_module_names else "other"


def _section(
    plain: set[tuple[str, str | None]],
    members: dict[str, set[tuple[str, str | None]]],
    section: str,
) -> str:
    lines = [
        f"import {_aliased(name, alias)}"
        for name, alias in sorted(plain, key=lambda item: (item[0].lower(), item[1] or ""))
        if _section_of(name) == section
    ]
    for module in sorted(members, key=str.lower):
        if _section_of(module) == section:
            lines.extend(_from_import(module, members[module]))
    return "\n".join(lines)


def _from_import(module: str, names: set[tuple[str, str | None]]) -> list[str]:
    ordered = [_aliased(name, alias) for name, alias in sorted(names, key=_member_order)]
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= LINE_LENGTH:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in ordered), ")"]


def _member_order(item: tuple[str, str | None]) -> tuple[int, str, str]:
    """isort's order of members: CONSTANTS, then Classes, then functions."""
    name, alias = item
    if name.isupper() and len(name) > 1:
        rank = 0
    elif name[:1].isupper():
        rank = 1
    else:
        rank = 2
    return rank, name, alias or ""


def _aliased(name: str, alias: str | None) -> str:
    return f"{name} as {alias}" if alias and alias != name else name
