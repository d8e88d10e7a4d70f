"""No notebook, however broken, raises from reading or from finding regions."""

from __future__ import annotations

import copy
import json

from hypothesis import example, given
from hypothesis import strategies as st

from nbfed.catalogue import CATALOGUE
from nbfed.diagnostics import sort_diagnostics
from nbfed.read.notebook import read_notebook
from nbfed.read.regions import find_regions
from nbfed.reporters import render_github, render_json, render_text
from nbfed.suggest.proposal import propose
from tests.unit.notebooks import as_bytes, code, markdown, notebook_json

WHOLE = notebook_json(
    markdown("# Data loading", "nbfed:skip"),
    code("%%time\n# nbfed: data\nx = [1,\n  2]\n!pip install 'a>=1' \\\n  b", execution_count=3),
    code("def f():\n    '''doc\n# nbfed: train\n'''\n    return 1\n\n# nbfed: model\nm = f()"),
    code(['# nbfed: train metrics=loss call="f(x)"\n', "for a in x:\n", "    %time f()\n"]),
    code("class Net(nn.Module): pass\nloss.backward()\nLR = 1\nP = 'a/b.csv'\nx = DataLoader(y)"),
    code("files = !ls\nobj?\n@f\ndef g(): pass", "parameters", "nbfed:evaluate", id="a-1"),
    metadata={"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
BITS = st.sampled_from(
    [
        *("# nbfed: train", "# nbfed", "nbfed:", "%%", "%", "!", "?", '"""', "'", "(", "]", "\\"),
        *(
            "\n",
            "\t",
            "    ",
            "\x00",
            "\ud800",
            "\r",
            "\u2028",
            "\x0c",
            "#",
            "=",
            "é",
            "if x:",
            "@",
            "f'{",
        ),
    ]
) | st.text(max_size=6)


def check(data: bytes) -> None:
    notebook, problems = read_notebook(data, "a.ipynb")
    if notebook is None:
        assert [found.severity for found in problems] == ["error"]
    else:
        regions, found = find_regions(notebook)
        problems += found
        assert all(1 <= each.first_line <= each.last_line for each in regions)
        assert {each.cell for each in regions} == {
            cell.index for cell in notebook.cells if cell.kind == "code"
        }
        for proposal in propose(notebook):
            assert 1 <= proposal.line <= notebook.cell(proposal.cell).source.count("\n") + 1
        for cell in notebook.cells:
            assert cell.source.count("\n") == cell.raw.count("\n")
    assert {found.code for found in problems} <= set(CATALOGUE)
    for render in (render_text, render_json, render_github):
        assert render(sort_diagnostics(problems), notebook) or not problems


def containers(node: object) -> list[dict[str, object] | list[object]]:
    if isinstance(node, dict):
        return [node, *(each for value in node.values() for each in containers(value))]
    if isinstance(node, list):
        return [node, *(each for value in node for each in containers(value))]
    return []


@st.composite
def broken_json(draw: st.DrawFn) -> bytes:
    content = copy.deepcopy(WHOLE)
    for _ in range(draw(st.integers(1, 4))):
        node = draw(st.sampled_from(containers(content)))
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            continue
        key = draw(st.sampled_from(keys))
        if draw(st.booleans()):
            del node[key]  # type: ignore[arg-type]
        else:
            node[key] = draw(JSON)  # type: ignore[index,call-overload]
    return as_bytes(content)


@st.composite
def broken_sources(draw: st.DrawFn) -> bytes:
    content = copy.deepcopy(WHOLE)
    for cell in content["cells"]:  # type: ignore[attr-defined]
        source = "".join(cell["source"])
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(source)))
            upto = at + draw(st.integers(0, 8))
            source = source[:at] + draw(BITS) + source[upto:]
        cell["source"] = source
    return as_bytes(content)


@given(broken_json())
def test_any_json(data):
    check(data)


@given(broken_sources())
def test_any_source(data):
    check(data)


@given(st.data())
def test_any_bytes_in_between(data):
    whole = json.dumps(WHOLE).encode()
    at = data.draw(st.integers(0, len(whole)))
    upto = at + data.draw(st.integers(0, 20))
    check(whole[:at] + data.draw(st.binary(max_size=8)) + whole[upto:])


def test_code_that_is_nested_deeply():
    deep = ("x = " + "+".join(["y"] * 5000), "x = " + "(" * 500 + ")" * 500, "a" + ".b()" * 3000)
    check(as_bytes(notebook_json(*(f"# nbfed: train\n{source}\nz.backward()" for source in deep))))
    check(as_bytes(notebook_json(*deep)))


@given(st.binary(max_size=200))
@example(b'{"nbformat": 4, "cells": [{"cell_type": []}]}')
@example(b'{"nbformat": true, "cells": [1e999]}')
def test_any_bytes(data):
    check(data)
