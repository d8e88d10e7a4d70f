"""The compiler's benchmark: that its notebooks are what they claim, and its verdict."""

from __future__ import annotations

import json

import nbformat
import pytest

from benchmarks.compiler.__main__ import Figures, Size, as_json, as_text
from benchmarks.compiler.measure import compile_seconds
from benchmarks.compiler.notebooks import ROLE_CELLS, notebook, notebook_bytes
from nbfed.compiler import compile_notebook
from nbfed.program import Program


def program(cells: int, seed: int = 0) -> Program:
    compilation = compile_notebook(notebook_bytes(cells, seed), "bench.ipynb")
    assert compilation.program is not None, compilation.diagnostics
    return compilation.program


@pytest.mark.parametrize("cells", [30, 300])
@pytest.mark.parametrize("seed", range(3))
def test_the_notebooks_are_valid_and_compile(cells: int, seed: int) -> None:
    content = notebook(cells, seed)
    nbformat.validate(content)
    assert len(content["cells"]) == cells  # type: ignore[arg-type]
    stages = program(cells, seed)
    assert "def penalty(net):" in "".join(part.text for part in stages.train.module)
    assert stages.evaluate is not None


def test_more_cells_give_the_same_program() -> None:
    small, large = program(30), program(300)
    for stage in ("data", "model", "train"):
        one, two = getattr(small, stage), getattr(large, stage)
        assert [part.text for part in one.body] == [part.text for part in two.body]
    assert len(ROLE_CELLS) < 30


def test_a_notebook_that_does_not_compile_has_no_time() -> None:
    with pytest.raises(ValueError, match="does not compile"):
        compile_seconds(b"{}", 1)


def figures(**more: float) -> Figures:
    found = {"help": 0.2, "build": 1.0, "last": 3.0, **more}
    sizes = (Size(30, 0.06), Size(300, 0.3), Size(3000, found["last"]))
    return Figures(found["help"], found["build"], sizes)


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        ({}, []),
        ({"help": 0.5}, ["help"]),
        ({"build": 1.6, "last": 4.6}, ["build", "growth"]),
        ({"last": 4.4}, []),
    ],
)
def test_missed_targets_are_told(found: dict[str, float], missed: list[str]) -> None:
    assert figures(**found).missed == missed
    assert json.loads(as_json(figures(**found)))["missed"] == missed
    assert [line for line in as_text(figures(**found)).splitlines() if "missed" in line] == [
        f"missed: {name}" for name in missed
    ]


def test_the_growth_is_told_row_by_row() -> None:
    assert as_text(figures(last=3.6)).splitlines()[3:] == [
        "compiling alone, without imports:",
        "   cells    s CPU  ms a cell   to the row above",
        "      30    0.060      2.000                   ",
        "     300    0.300      1.000               0.50",
        "    3000    3.600      1.200               1.20",
        "a cell of 3000 costs 1.20 times one of 300  (target 1.5)",
    ]
