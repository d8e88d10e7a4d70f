"""What one statement binds, changes and reads, seen from outside."""

from __future__ import annotations

import ast

import pytest

from nbfed.analyse.names import Names, names_of


def names(source: str) -> Names:
    return names_of(ast.parse(source).body)


READS = [
    ("x = y", {"y"}, set()),
    ("x += 1", {"x"}, set()),
    ("x.a = y", {"x", "y"}, set()),
    ("x[i] = y", {"x", "i", "y"}, set()),
    ("x: int = y", {"int", "y"}, set()),
    ("x: int", {"int"}, set()),
    ("for i in n:\n    s = i\nprint(s, i)", {"n", "print"}, set()),
    ("for i in n:\n    t = t + i", {"n", "t"}, set()),
    ("while x:\n    x = f(x)", {"x", "f"}, set()),
    ("if a:\n    b = 1\nprint(b)", {"a", "print"}, {"b"}),
    ("if a:\n    b = 1\nelse:\n    b = 2\nprint(b)", {"a", "print"}, set()),
    ("if a:\n    b = 1\nelse:\n    raise E\nprint(b)", {"a", "E", "print"}, set()),
    ("for i in n:\n    if i:\n        continue\n    k = i\nprint(k)", {"n", "print"}, set()),
    ("try:\n    a = f()\nexcept E:\n    a = 0\nprint(a)", {"f", "E", "print"}, set()),
    ("try:\n    a = f()\nexcept E:\n    raise\nprint(a)", {"f", "E", "print"}, set()),
    ("with open(p) as f:\n    t = f.read()\nprint(t)", {"open", "p", "print"}, set()),
    ("def f(a, b=c) -> d:\n    return e", {"c", "d"}, set()),
    ("class A(B):\n    x = y\n    def m(self, z=x):\n        return w", {"B", "y"}, set()),
    ("[a for a in b if c]", {"b", "c"}, set()),
    ("del x", {"x"}, set()),
    ("y = (x := 1) + x", set(), set()),
    ("f'{a:{b}}'", {"a", "b"}, set()),
    ("match a:\n    case {'k': v, **rest}:\n        print(v, rest)", {"a", "print"}, set()),
    ("x = 1; y = x", set(), set()),
    ("global x", set(), set()),
]  # fmt: skip


@pytest.mark.parametrize(("source", "reads", "soft"), READS)
def test_reads(source: str, reads: set[str], soft: set[str]) -> None:
    found = names(source)
    assert set(found.reads) == reads
    assert set(found.soft_reads) == soft


BINDS = [
    ("x = y = 1", {"x", "y"}, set()),
    ("(a, [b, *c]) = z", {"a", "b", "c"}, set()),
    ("import a.b, c as d", {"a", "d"}, set()),
    ("from a import b as c", {"c"}, set()),
    ("if a:\n    b = 1", set(), {"b"}),
    ("if a:\n    b = 1\nelse:\n    b = 2", {"b"}, set()),
    ("for i in n:\n    s = i", set(), {"i", "s"}),
    ("with a as b:\n    c = 1", {"b", "c"}, set()),
    ("try:\n    import a\nexcept ImportError:\n    a = None", {"a"}, set()),
    ("try:\n    a = f()\nexcept E as e:\n    pass", set(), {"a", "e"}),
    ("def f():\n    x = 1", {"f"}, set()),
    ("class A:\n    x = 1", {"A"}, set()),
    ("x.a = 1", set(), set()),
    ("[(w := i) for i in n]", {"w"}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("source", "sure", "perhaps"), BINDS)
def test_binds(source: str, sure: set[str], perhaps: set[str]) -> None:
    found = names(source)
    assert found.binds == sure
    assert found.may_bind == perhaps


CHANGES = [
    ("x.a = 1", {"x"}),
    ("x['a'].b = 1", {"x"}),
    ("x.append(1)", {"x"}),
    ("x.count(1)", set()),
    ("model.fc = Linear(2)", {"model"}),
    ("model.to(device)", {"model"}),
    ("y = x.to(device)", set()),
    ("model.layer.requires_grad_(False)", {"model"}),
    ("nn.init.zeros_(layer.weight)", {"layer"}),
    ("for p in net.parameters():\n    p.requires_grad = False", {"net"}),
    ("for x, y in loader:\n    total.append(x)", {"total"}),
    ("table.drop(columns='a', inplace=True)", {"table"}),
    ("random.shuffle(rows)", {"rows"}),
    ("os.makedirs(folder, exist_ok=True)", {"folder"}),
    ("del x['a']", {"x"}),
    ("own = []\nown.append(1)", set()),
    ("def f():\n    x.append(1)", set()),
]  # fmt: skip


@pytest.mark.parametrize(("source", "changed"), CHANGES)
def test_changes(source: str, changed: set[str]) -> None:
    assert names(source).changes == changed


def test_functions_are_read_when_they_are_called() -> None:
    found = names("def f(a):\n    global n\n    n = a + m\n    log.append(n)")
    assert set(found.deferred) == {"n", "m", "log"}
    assert found.deferred_changes == {"n", "log"}
    assert found.declared_global == {"n"}
    assert found.reads == {}


def test_likely_is_what_holds_if_loops_run() -> None:
    found = names("for i in n:\n    a = 1\n    if i:\n        b = 2")
    assert found.likely == {"i", "a"}


def test_star_imports_and_await_are_noted() -> None:
    assert names("from torch.nn import *").star_import
    assert names("x = await f()").awaits
    assert not names("async def f():\n    await g()").awaits


def test_a_read_knows_its_place() -> None:
    node = names("x = 1\ny = x + zoo").reads["zoo"]
    assert (node.lineno, node.col_offset) == (2, 8)  # type: ignore[attr-defined]
