"""Text moved left and right without touching the strings in it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbfed.analyse.text import column_of, dedented, indented, segment

SOURCES = [
    "x = 1\nif x:\n    y = 2",
    "x = '''a\n  b\n'''\ny = 1",
    'def f():\n    """doc\n  more\n    """\n    return f"{1}"',
    "x = (1,\n2)\n# comment\n\ny = '\\\n  z'",
]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("columns", [1, 4, 8])
def test_there_and_back(source: str, columns: int) -> None:
    assert dedented(indented(source, columns), columns) == source


@pytest.mark.parametrize("source", SOURCES)
def test_values_stay_the_same(source: str) -> None:
    moved = ast.parse("if 1:\n" + indented(source, 4)).body[0]
    assert isinstance(moved, ast.If)
    assert [ast.dump(node) for node in moved.body] == [
        ast.dump(node) for node in ast.parse(source).body
    ]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r")), st.integers(0, 9))
def test_columns_are_counted_in_characters(text: str, place: int) -> None:
    prefix = text[:place]
    assert column_of(text, len(prefix.encode())) == len(prefix) + 1


def test_a_segment_may_span_lines() -> None:
    lines = ["x = f(größe,", "  2); y = 3"]
    node = ast.parse("\n".join(lines)).body[0]
    assert isinstance(node, ast.Assign)
    assert segment(lines, node.value) == "f(größe,\n  2)"
