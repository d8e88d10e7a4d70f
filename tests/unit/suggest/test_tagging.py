"""Tags written into a notebook's file: only metadata change, to the byte."""

from __future__ import annotations

import difflib
import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbfed.read.notebook import read_notebook
from nbfed.read.notebook_json import NotANotebookError
from nbfed.roles import Role
from nbfed.suggest.tagging import add_tags
from tests.unit.notebooks import code, markdown, notebook_json

CONTENT = notebook_json(
    markdown("# Überschrift"),
    code(["# é \U0001f600\n", "x = '\\n\"}]'"], execution_count=1, id="abc"),
    code("y", "keep", "hide-input"),
    code("z", metadata={"tags": [], "scrolled": True}),
    code("w", metadata={"collapsed": True, "trusted": False}),
    metadata={"kernelspec": {"name": "python3"}, "z": [1.0, 1e5, None]},
)
ROLES = {2: Role.DATA, 3: Role.MODEL, 4: Role.TRAIN, 5: Role.EVALUATE}

STYLES = {
    "jupyter": {"indent": 1, "ensure_ascii": False, "sort_keys": True},
    "escaped": {"indent": 1},
    "two blanks": {"indent": 2},
    "tabs": {"indent": "\t"},
    "one line": {},
    "compact": {"separators": (",", ":")},
    "indent 0": {"indent": 0},
}


def expected(content: dict[str, object], roles: dict[int, Role]) -> dict[str, object]:
    """The same content with the tags, by way of Python objects."""
    result = json.loads(json.dumps(content))
    for index, role in roles.items():
        metadata = result["cells"][index - 1].setdefault("metadata", {})
        tags = metadata.setdefault("tags", [])
        if f"nbfed:{role}" not in tags:
            tags.append(f"nbfed:{role}")
    return result


@pytest.mark.parametrize("end", ["", "\n"], ids=["no newline", "newline"])
@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_the_file_is_as_its_own_writer_would_write_it(style, end):
    before = json.dumps(CONTENT, **style) + end
    after = json.dumps(expected(CONTENT, ROLES), **style) + end
    if style.get("sort_keys"):
        assert add_tags(before.encode(), ROLES).decode() == after
    else:  # a new key goes where it sorts, so only the content is known
        changed = add_tags(before.encode(), ROLES).decode()
        assert json.loads(changed) == json.loads(after)
        assert changed.endswith(end) and changed.count("\n") == after.count("\n")


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_no_byte_is_taken_away(style):
    before = json.dumps(CONTENT, **style)
    after = add_tags(before.encode(), ROLES).decode()
    # Every edit is an insertion, but for empty objects and arrays that are filled.
    for tag, one, two, _, _ in difflib.SequenceMatcher(None, before, after, False).get_opcodes():
        assert tag in ("equal", "insert"), before[one:two]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            '{"cells": [{"metadata": {}}]}',
            '{"cells": [{"metadata": {"tags": ["nbfed:train"]}}]}',
            id="empty metadata",
        ),
        pytest.param(
            '{"cells":[{"metadata":{ "a":1 }}]}',
            '{"cells":[{"metadata":{ "a":1,"tags":["nbfed:train"] }}]}',
            id="odd blanks",
        ),
        pytest.param(
            '{"cells": [{"cell_type": "code", "source": ""}]}',
            '{"cells": [{"cell_type": "code", "metadata": {"tags": ["nbfed:train"]}, '
            '"source": ""}]}',
            id="no metadata",
        ),
        pytest.param(
            '{"cells": [{}]}',
            '{"cells": [{"metadata": {"tags": ["nbfed:train"]}}]}',
            id="empty cell",
        ),
        pytest.param(
            '{"cells": [{"metadata": null}]}',
            '{"cells": [{"metadata": {"tags": ["nbfed:train"]}}]}',
            id="metadata null",
        ),
        pytest.param(
            '{"cells": [{"metadata": {"tags": "x"}}]}',
            '{"cells": [{"metadata": {"tags": ["nbfed:train"]}}]}',
            id="tags a text",
        ),
        pytest.param(
            '{"cells": [{"metadata": {"tags": ["nbfed:train"]}}]}',
            '{"cells": [{"metadata": {"tags": ["nbfed:train"]}}]}',
            id="tagged already",
        ),
        pytest.param(
            '{"cells": [{"metadata": {"tags": [ "a" ]}}]}',
            '{"cells": [{"metadata": {"tags": [ "a", "nbfed:train" ]}}]}',
            id="blanks in the array",
        ),
        pytest.param(
            '{"cells": [\n{"metadata": {}}\n]}',
            '{"cells": [\n{"metadata": {"tags": ["nbfed:train"]}}\n]}',
            id="a cell a line",
        ),
        pytest.param(
            '{\r\n "cells": [\r\n  {\r\n   "metadata": {}\r\n  }\r\n ]\r\n}',
            '{\r\n "cells": [\r\n  {\r\n   "metadata": {\r\n    "tags": [\r\n     "nbfed:train"\r\n'
            "    ]\r\n   }\r\n  }\r\n ]\r\n}",
            id="Windows",
        ),
        pytest.param(
            '{"metadata": {"cells": [1]}, "cells": [{"a": "]}\\"{", "metadata": {}}]}',
            '{"metadata": {"cells": [1]}, "cells": [{"a": "]}\\"{", "metadata": {"tags": '
            '["nbfed:train"]}}]}',
            id="brackets in strings",
        ),
        pytest.param(
            '{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "metadata": {}}]}]}',
            '{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "metadata": '
            '{"tags": ["nbfed:train"]}}]}]}',
            id="format 3",
        ),
    ],
)
def test_small_files(before, after):
    assert add_tags(before.encode(), {1: Role.TRAIN}).decode() == after


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_encodings_and_byte_order_marks_stay(encoding):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    before = (mark + json.dumps(CONTENT, ensure_ascii=False)).encode(encoding)
    after = add_tags(before, ROLES)
    assert after[:2] == before[:2]
    notebook, _ = read_notebook(after, "a.ipynb")
    assert notebook is not None
    assert notebook.cell(2).tags == ("nbfed:data",)
    assert "Überschrift" in notebook.cell(1).source


def test_what_jupyter_wrote_jupyter_would_write_again():
    v4 = nbformat.v4
    cells = [v4.new_markdown_cell("# a"), v4.new_code_cell("x = 1"), v4.new_code_cell("y")]
    cells[2].metadata.tags = ["keep"]
    cells[2].metadata.scrolled = True
    before = nbformat.writes(v4.new_notebook(cells=cells)) + "\n"
    after = add_tags(before.encode(), {2: Role.DATA, 3: Role.TRAIN}).decode()
    again = nbformat.reads(after, as_version=4)
    nbformat.validate(again)
    assert nbformat.writes(again) + "\n" == after
    assert again.cells[2].metadata.tags == ["keep", "nbfed:train"]


@pytest.mark.parametrize("index", [0, 6, -1])
def test_a_cell_that_is_not_there(index):
    with pytest.raises(ValueError, match=f"no cell {index}"):
        add_tags(json.dumps(CONTENT).encode(), {index: Role.TRAIN})


def test_a_file_that_is_no_notebook():
    with pytest.raises(NotANotebookError):
        add_tags(b"print()", {1: Role.TRAIN})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
CELLS = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "raw"]), "source": st.text(max_size=9)},
    optional={
        "metadata": st.dictionaries(st.text(max_size=5).filter("tags".__ne__), VALUES, max_size=3)
        | st.fixed_dictionaries({"tags": st.lists(st.text(max_size=4), max_size=3)}),
        "outputs": st.lists(VALUES, max_size=2),
        "z": VALUES,
    },
)


@given(
    st.lists(CELLS, min_size=1, max_size=4),
    st.sampled_from(list(STYLES.values())),
    st.data(),
)
def test_any_notebook_keeps_everything_but_the_tags(cells, style, data):
    content = {"cells": cells, "metadata": {}, "nbformat": 4}
    indices = st.integers(1, len(cells))
    roles = data.draw(st.dictionaries(indices, st.sampled_from(Role), max_size=3))
    before = json.dumps(content, **style)
    after = add_tags(before.encode(), roles).decode()
    assert json.loads(after) == expected(content, roles)
    assert add_tags(after.encode(), roles).decode() == after
    if not roles:
        assert after == before
