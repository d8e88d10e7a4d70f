"""The three ways to print findings, and the page of a code."""

from __future__ import annotations

import json
from dataclasses import replace

from nbfed.catalogue import CATALOGUE
from nbfed.diagnostics import Location, diagnostic
from nbfed.read.notebook import Cell, Notebook
from nbfed.reporters import render_explanation, render_github, render_json, render_text
from tests.unit.notebooks import read

PLACE = Location("heart.ipynb", 1, 2, 5)
FOUND = diagnostic("NBF201", PLACE, "`EPOCHS` is not defined", hint="add `EPOCHS = 3`", length=6)
SOURCE = "for i in (1, 2):\n    EPOCHS.x"
NOTEBOOK = Notebook("heart.ipynb", (Cell(1, "code", SOURCE, SOURCE, execution_count=5, id="ab-1"),))


def test_text_shows_line_caret_hint_and_count():
    assert render_text([FOUND], NOTEBOOK) == (
        "heart.ipynb:cell 1:2:5: NBF201 `EPOCHS` is not defined (In [5])\n"
        "  |\n"
        "2 |     EPOCHS.x\n"
        "  |     ^^^^^^\n"
        "  = hint: add `EPOCHS = 3`\n"
        "Found 1 error.\n"
    )


def test_text_without_a_notebook_or_a_place():
    found = diagnostic("NBF205", Location("heart.ipynb"), "two `model`s")
    assert render_text([found, FOUND]) == (
        "heart.ipynb: NBF205 warning: two `model`s\n"
        "heart.ipynb:cell 1:2:5: NBF201 `EPOCHS` is not defined\n"
        "  = hint: add `EPOCHS = 3`\n"
        "Found 1 error and 1 warning.\n"
    )


def test_text_of_nothing():
    assert render_text([]) == "No problems found.\n"


def test_caret_stays_within_the_line_and_under_tabs():
    long = diagnostic("NBF201", Location("a", 1, 1, 2), "x", source_line="\tname", length=99)
    assert "1 | \tname\n  | \t^^^^\n" in render_text([long])


def test_json_holds_what_an_editor_needs():
    (record,) = json.loads(render_json([FOUND], NOTEBOOK))
    assert record == {
        "code": "NBF201",
        "severity": "error",
        "file": "heart.ipynb",
        "cell": 1,
        "cell_id": "ab-1",
        "line": 2,
        "column": 5,
        "length": 6,
        "message": "`EPOCHS` is not defined",
        "hint": "add `EPOCHS = 3`",
        "source_line": "    EPOCHS.x",
    }


def test_github_escapes_what_would_end_the_command():
    found = diagnostic("NBF208", Location("a,b:c.ipynb", 3), "100 %\nof it")
    assert render_github([found]) == (
        "::notice title=nbfed NBF208,file=a%2Cb%3Ac.ipynb,line=1::"
        "a,b:c.ipynb:cell 3: NBF208 100 %25%0Aof it\n"
    )


def test_explanation_is_a_page_with_both_examples():
    page = render_explanation(CATALOGUE["NBF112"])
    assert page.startswith("NBF112: unknown directive (error)\n\n")
    assert "Before:\n\n    # nbfed: traning\n" in page
    assert "After:\n\n    # nbfed: train\n" in page
    assert max(map(len, page.splitlines())) <= 92


def test_explanation_without_examples():
    entry = replace(CATALOGUE["NBF101"], before="", after="")
    assert "Before" not in render_explanation(entry)


def test_a_line_with_a_command_is_shown_as_it_was_written():
    notebook = read("files = !ls images")
    found = diagnostic(
        "NBF103", Location("a.ipynb", 1, 1, 1), "x", source_line=notebook.cell(1).source
    )
    assert "1 | files = !ls images\n" in render_text([found], notebook)
