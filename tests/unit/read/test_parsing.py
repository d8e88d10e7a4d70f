"""Parsing never raises and never gives a tree too deep to walk."""

from __future__ import annotations

import ast

import pytest

from nbfed.read.cells import SyntaxProblem
from nbfed.read.parsing import parse


@pytest.mark.parametrize("source", ["", "x = 1", "'\\d'", "await x", "+".join(["x"] * 150)])
def test_python(source):
    assert isinstance(parse(source), ast.Module)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = ", "invalid syntax"),
        ("a\x00", "null"),
        ("x = '\ud800'", "UTF-8"),
        ("+".join(["x"] * 400), "nested too deeply"),
        ("if a:\n  b\n" + "elif c:\n  d\n" * 400, "nested too deeply"),
        ("a" + ".b()" * 3000, "nested too deeply"),
        ("[" * 199 + "]" * 199, ""),
    ],
)
def test_what_is_no_python_for_us(source, message):
    found = parse(source)
    assert isinstance(found, SyntaxProblem)
    assert message in found.message
    assert found.line >= 1 and found.column >= 1


def test_a_tree_can_be_walked_by_recursion():
    tree = parse("if a:\n  b\n" + "elif c:\n  d\n" * 150)
    assert isinstance(tree, ast.Module)

    class Visitor(ast.NodeVisitor):
        pass

    Visitor().visit(tree)
