"""Notebook lines in generated modules: verbatim, indented, and mapped back."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbfed.emit.source import SourceBlocks, cells_of, indented
from nbfed.program import Fragment


def test_a_block_marks_each_cell_once() -> None:
    blocks = SourceBlocks("a.ipynb")
    text = blocks.block([Fragment(1, 1, "x = 1"), Fragment(1, 2, "y = 2"), Fragment(3, 4, "z = 3")])
    rendered, _ = blocks.finish(text)
    assert rendered == "# %% a.ipynb:cell 1\nx = 1\ny = 2\n\n# %% a.ipynb:cell 3\nz = 3"


def test_lines_left_out_of_a_cell_leave_one_blank_line() -> None:
    blocks = SourceBlocks("a.ipynb")
    rendered, _ = blocks.finish(blocks.block([Fragment(1, 1, "x = 1"), Fragment(1, 9, "y = 2")], 4))
    assert rendered == "    # %% a.ipynb:cell 1\n    x = 1\n\n    y = 2"


def test_the_map_survives_the_template_around_the_blocks() -> None:
    blocks = SourceBlocks("a.ipynb")
    first = blocks.block([Fragment(2, 5, "def f():\n    return 1")])
    second = blocks.block([Fragment(4, 1, "y = f()"), Fragment(7, 3, "z = y")], 4)
    text, mapped = blocks.finish(f'"""Doc."""\n\n{first}\n\n\ndef g():\n{second}\n    return z\n')
    lines = text.split("\n")
    found = [(lines[m.first - 1 : m.last], m.cell, m.cell_line) for m in mapped]
    assert found == [
        (["def f():", "    return 1"], 2, 5),
        (["    y = f()"], 4, 1),
        (["    z = y"], 7, 3),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("x = 1", "    x = 1", id="plain"),
        pytest.param("if x:\n\n    y", "    if x:\n\n        y", id="blank lines stay empty"),
        pytest.param('s = """a\n b\n"""', '    s = """a\n b\n"""', id="string"),
        pytest.param('s = f"""a\n{1}\n"""\nt', '    s = f"""a\n{1}\n"""\n    t', id="f-string"),
        pytest.param("f(\n1,\n)", "    f(\n    1,\n    )", id="call over lines"),
        pytest.param("x = 1 + \\\n  2", "    x = 1 + \\\n      2", id="continuation"),
        pytest.param("def broken(", "    def broken(", id="what does not tokenize"),
    ],
)
def test_indenting(text: str, expected: str) -> None:
    assert indented(text, 4) == expected


_strings = st.text(alphabet="ab \n\t'{}", max_size=12)


@given(st.lists(_strings, min_size=1, max_size=4))
def test_indenting_never_changes_a_string(values: list[str]) -> None:
    source = "\n".join(f'v{i} = """{value}"""' for i, value in enumerate(values))
    wrapped = "def f():\n" + indented(source, 4)
    before = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    after = [node.value for node in ast.walk(ast.parse(wrapped)) if isinstance(node, ast.Constant)]
    assert after == before


def test_cells_are_listed_once_in_order() -> None:
    assert cells_of([Fragment(3, 1, ""), Fragment(1, 1, ""), Fragment(3, 5, "")]) == (1, 3)
