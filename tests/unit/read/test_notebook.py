"""Reading notebooks: every format since 3, and whatever else comes as a file."""

from __future__ import annotations

import json

import nbformat
import pytest

from nbfed.read.cells import SyntaxProblem
from nbfed.read.notebook import read_notebook
from tests.unit.notebooks import as_bytes, code, codes, markdown, notebook_json, places, read

NOT_NOTEBOOKS = [
    pytest.param(b"", "NBF101", "is empty", "", id="empty file"),
    pytest.param(b" \n", "NBF101", "is empty", "", id="blank file"),
    pytest.param(b"\xff\xd8\xff\xe0\x00", "NBF101", "UTF-8", "", id="a picture"),
    pytest.param(b"<!DOCTYPE html><html>", "NBF101", "not JSON", "raw notebook", id="a web page"),
    pytest.param(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
        *("NBF101", "not JSON", "git lfs pull"),
        id="a pointer",
    ),
    pytest.param(
        b'{"cells": [\n<<<<<<< HEAD\n', "NBF101", "not JSON", "merge conflict", id="conflict"
    ),
    pytest.param(b"import torch\n", "NBF101", "not JSON", "Python file", id="a script"),
    pytest.param(b'{"cells": [', "NBF101", "not JSON", "JupyterLab", id="cut off"),
    pytest.param(b"[" * 100_000, "NBF101", "nested too deeply", "", id="deep JSON"),
    pytest.param(b"[1]", "NBF101", "a list, not an object", "", id="a list"),
    pytest.param(b"null", "NBF101", "null, not an object", "", id="null"),
    pytest.param(b"1", "NBF101", "a number, not an object", "", id="a number"),
    pytest.param(b"{}", "NBF101", "no list of cells", "", id="empty object"),
    pytest.param(b'{"nbformat": 4, "cells": {}}', "NBF101", "no list", "", id="cells no list"),
    pytest.param(b'{"nbformat": 5, "cells": []}', "NBF106", "newer", "update nbfed", id="future"),
    pytest.param(b'{"nbformat": 2, "worksheets": []}', "NBF106", "older", "convert", id="old"),
    pytest.param(as_bytes(notebook_json()), "NBF104", "no cell with code", "", id="no cells"),
    pytest.param(
        as_bytes(notebook_json(markdown("# Title"), " \n")),
        *("NBF104", "no cell with code", ""),
        id="no code",
    ),
]


@pytest.mark.parametrize(("data", "found", "message", "hint"), NOT_NOTEBOOKS)
def test_what_is_no_notebook_is_told_in_one_line(data, found, message, hint):
    notebook, problems = read_notebook(data, "a.ipynb")
    assert notebook is None
    assert places(problems) == [(found, 0, 0, 0)]
    assert message in problems[0].message
    assert hint in problems[0].hint


KERNELS = [
    ({"language_info": {"name": "python"}}, True),
    ({"language_info": {"name": "IPython"}}, True),
    ({"kernelspec": {"language": "python", "name": "ir"}}, True),
    ({"kernelspec": {"name": "conda-env-fed"}}, True),
    ({"kernelspec": {"name": "irene"}}, True),
    ({"kernelspec": "python3"}, True),
    ({}, True),
    ({"language_info": {"name": "R"}}, False),
    ({"kernelspec": {"name": "ir"}}, False),
    ({"kernelspec": {"name": "julia-1.9"}}, False),
    ({"language_info": {"name": ""}, "kernelspec": {"language": "C++"}}, False),
]


@pytest.mark.parametrize(("metadata", "python"), KERNELS)
def test_only_what_is_known_to_be_another_language_is_refused(metadata, python):
    notebook, problems = read_notebook(as_bytes(notebook_json("x", metadata=metadata)), "a")
    assert (notebook is not None) is python
    assert codes(problems) == ([] if python else ["NBF105"])


def test_a_cell_as_it_is_read():
    cell = code(["%matplotlib inline\n", "x = 1"], "a", "b", "a", execution_count=3, id="c-1")
    (found,) = read(cell).cells
    assert (found.index, found.kind, found.id, found.execution_count) == (1, "code", "c-1", 3)
    assert found.tags == ("a", "b")
    assert found.raw == "%matplotlib inline\nx = 1"
    assert found.source == "# IPython: %matplotlib stood here\nx = 1"
    assert found.syntax_problem is None


def test_cells_count_from_one_and_markdown_counts():
    notebook = read(markdown("!ls"), "x = 1", {"cell_type": "raw", "source": "%%", "metadata": {}})
    assert [(cell.index, cell.kind) for cell in notebook.cells] == [
        *((1, "markdown"), (2, "code"), (3, "raw")),
    ]
    assert notebook.cell(1).source == "!ls"
    assert notebook.cell(2).source == "x = 1"


def test_ids_are_read_and_never_made_up():
    notebook = read("x", code("y", id="ok_1"), code("z", id="not ok"), code("w", id=7))
    assert [cell.id for cell in notebook.cells] == [None, "ok_1", None, None]


def test_nothing_of_the_outputs_is_kept():
    outputs = [{"output_type": "stream", "name": "stdout", "text": "patient 4711"}]
    cell = code("x = 1", outputs=outputs, attachments={"a.png": {"image/png": "4711"}})
    assert "4711" not in repr(read(cell))


def test_line_ends_of_every_system_become_one():
    assert read("a = 1\r\nb = 2\rc = 3").cell(1).raw == "a = 1\nb = 2\nc = 3"


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [("x = 1\nlr = ", 2, 6), ("x = 1\n  y = 2", 2, 2), ("print 'a'", 1, 1), ("a\x00", 1, 1)],
)
def test_a_cell_that_is_not_python_is_kept_with_its_problem(source, line, column):
    problem = read(source).cell(1).syntax_problem
    assert isinstance(problem, SyntaxProblem)
    assert (problem.line, problem.column) == (line, column)
    assert problem.message


def test_pip_lines_and_requires_are_gathered():
    notebook = read("!pip install a\n%pip install b>=1", "# nbfed: requires c>=2\nx = '!pip d'")
    assert [(p.cell, p.line, p.requirement) for p in notebook.requires] == [(2, 1, "c>=2")]
    assert [(p.cell, p.line, p.requirement) for p in notebook.pip] == [
        *((1, 1, "a"), (1, 2, "b>=1"), (2, 1, "c>=2")),
    ]


def test_a_pip_argument_that_is_no_requirement_is_told():
    data = as_bytes(notebook_json("x = 1\n!pip install -q a git+https://x.org/b"))
    notebook, problems = read_notebook(data, "a.ipynb")
    assert notebook is not None
    assert [p.requirement for p in notebook.pip] == ["a"]
    assert places(problems) == [("NBF119", 1, 2, 1)]


DAMAGED = [
    pytest.param([7, "x"], [""], [1], id="a number for a cell"),
    pytest.param([code(["a = 1\n", 2, "b = 3"])], ["a = 1\nb = 3"], [1], id="a number for a line"),
    pytest.param([code(None), "x"], ["", "x"], [1], id="null source"),
    pytest.param([{"outputs": [], "source": "x"}], ["x"], [1], id="no type but outputs"),
    pytest.param([{"source": "x"}, "y"], ["x", "y"], [1], id="no type"),
    pytest.param(["x", code("y", metadata={"tags": "train"})], ["x", "y"], [2], id="tags no list"),
    pytest.param([code("y", metadata={"tags": ["a", 1]})], ["y"], [1], id="tags no texts"),
]


@pytest.mark.parametrize(("cells", "sources", "damaged"), DAMAGED)
def test_a_damaged_cell_is_told_and_the_rest_is_read(cells, sources, damaged):
    notebook, problems = read_notebook(as_bytes(notebook_json(*cells)), "a.ipynb")
    assert notebook is not None
    assert [cell.source for cell in notebook.cells][: len(sources)] == sources
    assert len(notebook.cells) == len(cells)
    assert [(found.code, found.location.cell) for found in problems] == [
        ("NBF107", index) for index in damaged
    ]


def test_each_damage_is_told_in_words_that_quote_nothing():
    cells = [
        7,
        code(["a = 1\n", 4711], metadata={"tags": "patient"}),
        {"cell_type": "code", "metadata": {"tags": ["a", "a"]}},
        {"cell_type": "figure", "source": "patient"},
    ]
    _, problems = read_notebook(as_bytes(notebook_json("x", *cells)), "a.ipynb")
    assert [(found.location.cell, found.message) for found in problems] == [
        (2, "it is no cell of a known type"),
        (3, "the cell's `metadata.tags` is not as the notebook format has it"),
        (3, "the cell's `source` is not as the notebook format has it"),
        (4, "the cell has no `source`"),
        (4, "the cell's `metadata.tags` is not as the notebook format has it"),
        (5, "it is no cell of a known type"),
    ]


def test_a_cell_that_is_nested_deeply_is_damaged_and_the_others_are_read():
    deep = '{"cell_type": "code", "source": ' + "[" * 900 + "]" * 900 + "}"
    text = json.dumps(notebook_json("x = 1")).replace('"cells": [', f'"cells": [{deep}, ')
    notebook, problems = read_notebook(text.encode(), "a.ipynb")
    assert notebook is not None
    assert notebook.cell(2).source == "x = 1"
    assert places(problems) == [("NBF107", 1, 0, 0)]


@pytest.mark.parametrize(
    "content",
    [
        notebook_json("x = 1", metadata=None),
        notebook_json("x = 1", metadata={"kernelspec": 3}),
        notebook_json("x = 1", nbformat=None),
        notebook_json("x = 1", nbformat="4"),
        notebook_json("x = 1", nbformat_minor=99),
        notebook_json(code("x = 1", execution_count="3", metadata=None)),
    ],
)
def test_what_does_not_matter_may_be_wrong(content):
    notebook, problems = read_notebook(as_bytes(content), "a.ipynb")
    assert notebook is not None
    assert notebook.cell(1).source == "x = 1"
    assert problems == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_editors_write(encoding):
    data = json.dumps(notebook_json("s = 'é'"), ensure_ascii=False).encode(encoding)
    notebook, _ = read_notebook(data, "a.ipynb")
    assert notebook is not None
    assert notebook.cell(1).source == "s = 'é'"


@pytest.mark.parametrize(
    ("counts", "cell"),
    [([1, 2, 5], None), ([1, None, 2], None), ([2, 1], 2), ([3, 4, 1, 2], 3), ([1, 1], None)],
)
def test_a_notebook_run_out_of_order_is_told_once(counts, cell):
    cells = [code("x = 1", execution_count=count) for count in counts]
    _, problems = read_notebook(as_bytes(notebook_json(*cells)), "a.ipynb")
    expected = [("NBF402", cell)] if cell else []
    assert [(found.code, found.location.cell) for found in problems] == expected


def test_format_3_is_read_as_nbformat_converts_it():
    v3 = nbformat.v3
    sheet = v3.new_worksheet(
        cells=[
            v3.new_heading_cell("Training loop", level=2),
            v3.new_text_cell("markdown", "text"),
            v3.new_code_cell("x = 1\n%time y = 2", prompt_number=4),
        ]
    )
    data = nbformat.v3.writes_json(v3.new_notebook(worksheets=[sheet])).encode()
    notebook, problems = read_notebook(data, "a.ipynb")
    assert notebook is not None and problems == []
    converted = nbformat.reads(data.decode(), as_version=4)
    assert [(cell.kind, cell.raw) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in converted.cells
    ]
    assert notebook.cell(3).execution_count == 4
    assert notebook.cell(3).source == "x = 1\ny = 2"


V3 = {"nbformat": 3, "metadata": {}}
CODE = {"cell_type": "code", "input": "x = 1", "metadata": {"tags": ["nbfed:data"]}}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({**V3, "worksheets": [{"cells": [CODE]}]}, id="no outputs"),
        pytest.param({"worksheets": [{"cells": [CODE]}]}, id="no format and no metadata"),
        pytest.param(
            {**V3, "worksheets": [{"cells": []}, {"cells": [{**CODE, "input": ["x = 1"]}]}]},
            id="several sheets, a list of lines",
        ),
    ],
)
def test_format_3_with_small_damage_is_converted(content):
    notebook, problems = read_notebook(as_bytes(content), "a.ipynb")
    assert notebook is not None and problems == []
    assert (notebook.cell(1).source, notebook.cell(1).tags) == ("x = 1", ("nbfed:data",))
    assert notebook.cell(1).id is None


@pytest.mark.parametrize(
    "sheets", [[7], [{}], [{"cells": [7]}], [{"cells": [{**CODE, "cell_type": 7}]}, {"cells": 3}]]
)
def test_format_3_with_more_damage_is_refused(sheets):
    notebook, problems = read_notebook(as_bytes({**V3, "worksheets": sheets}), "a.ipynb")
    assert notebook is None
    assert places(problems) == [("NBF106", 0, 0, 0)]
    assert "format 3 and is too damaged to be converted" in problems[0].message


def test_what_is_logged_about_format_3_holds_no_output(caplog):
    stream = {"output_type": "stream", "text": ["patient 4711"]}
    cells = [{**CODE, "outputs": [stream], "input": 7}, {**CODE, "outputs": [stream]}]
    read_notebook(as_bytes({**V3, "worksheets": [{"cells": cells}]}), "a.ipynb")
    assert "4711" not in caplog.text


@pytest.mark.parametrize("minor", range(6))
def test_format_4_is_read_as_nbformat_reads_it(minor):
    v4 = nbformat.v4
    cells = [v4.new_markdown_cell("# é\ntext"), v4.new_code_cell("x = 1\n\ny = 2"),
             v4.new_raw_cell("raw\n"), v4.new_code_cell("")]  # fmt: skip
    for cell in cells if minor < 5 else []:
        del cell["id"]
    content = v4.new_notebook(cells=cells, nbformat_minor=minor)
    data = nbformat.writes(content).encode()
    notebook, problems = read_notebook(data, "a.ipynb")
    assert notebook is not None and problems == []
    assert [(cell.kind, cell.raw, cell.id) for cell in notebook.cells] == [
        (cell.cell_type, cell.source, cell.get("id")) for cell in content.cells
    ]
