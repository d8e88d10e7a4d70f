"""Free names of functions, against Python's own symbol tables."""

from __future__ import annotations

import ast
import symtable
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbfed.analyse.scopes import free_names

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
MODULES = (
    *("argparse", "ast", "bdb", "calendar", "cgitb", "codecs", "contextlib", "copy", "dataclasses"),
    *(
        "datetime",
        "difflib",
        "dis",
        "doctest",
        "enum",
        "functools",
        "heapq",
        "inspect",
    ),
    *("ipaddress", "locale", "mailbox", "nntplib", "opcode", "optparse", "pdb", "pickle", "pprint"),
    *("random", "shutil", "statistics", "subprocess", "tarfile", "textwrap", "threading", "typing"),
    *("unittest/case", "unittest/mock", "uuid", "xmlrpc/client", "zipfile", "asyncio/base_events"),
)


def source_of(name: str) -> str | None:
    path = LIBRARY / f"{name}.py"
    return path.read_text(encoding="utf-8") if path.exists() else None


def globals_read(table: symtable.SymbolTable) -> set[str]:
    """Names that a function's scopes take from the module."""
    found = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_global() and (symbol.is_referenced() or symbol.is_declared_global())
    }
    return found.union(*(globals_read(child) for child in table.get_children()))


def functions(
    tree: ast.Module, table: symtable.SymbolTable
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, symtable.SymbolTable]]:
    """The module's functions that have a name of their own, with their tables."""
    tables = {(t.get_name(), t.get_lineno()): t for t in table.get_children()}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            line = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            yield node, tables.get((node.name, line)) or tables[node.name, node.lineno]


@pytest.mark.parametrize("name", [name for name in MODULES if source_of(name)])
def test_free_names_are_those_of_the_symbol_table(name: str) -> None:
    source = source_of(name)
    assert source is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree, table = ast.parse(source), symtable.symtable(source, name, "exec")
    compared = 0
    for node, of_node in functions(tree, table):
        # What runs at definition (annotations, defaults) is not the body's.
        inside = globals_read(of_node)
        assert set(free_names(node).reads) - inside == set(), node.name
        missing = inside - set(free_names(node).reads)
        assert missing == set(), node.name
        compared += 1
    assert compared


SNIPPETS = [
    ("def f(a):\n    return a + b", {"b"}),
    ("def f():\n    a = 1\n    def g():\n        return a + c\n    return g", {"c"}),
    ("def f():\n    global a\n    a = 1", {"a"}),
    ("def f():\n    return [i for i in range(n)]", {"range", "n"}),
    ("def f():\n    return [i for i in i]", {"i"}),
    ("def f():\n    class A:\n        x = 1\n        def m(s):\n            return x", {"x"}),
    ("def f():\n    if (n := len(s)):\n        return n", {"len", "s"}),
    ("def f():\n    try:\n        pass\n    except E as e:\n        print(e)", {"E", "print"}),
    ("def f():\n    import os.path\n    return os.sep", set()),
    ("def f(v):\n    match v:\n        case [a, *rest] if a > t:\n            return rest", {"t"}),
    ("def f():\n    return lambda x, y=z: x + y + w", {"z", "w"}),
    ("def f():\n    d[k] = 1\n    o.a = 2", {"d", "k", "o"}),
    ("def f():\n    n += 1", set()),
    ("async def f():\n    async for x in s:\n        await x", {"s"}),
    ("def f():\n    with a as b, b.c as d:\n        return d", {"a"}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), SNIPPETS)
def test_snippets(source: str, expected: set[str]) -> None:
    node = ast.parse(source).body[0]
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    assert set(free_names(node).reads) == expected
