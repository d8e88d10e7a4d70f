"""Small notebooks in the manner of public ones compile, and then train."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbfed.plan import plan
from nbfed.program import Program

from .corpus_courses import COURSE_NOTEBOOKS
from .corpus_enclosed import ENCLOSED_NOTEBOOKS
from .corpus_functions import FUNCTION_NOTEBOOKS
from .corpus_habits import HABIT_NOTEBOOKS, HELPERS
from .corpus_statements import STATEMENT_NOTEBOOKS
from .notebooks import notebook
from .running import module_text, numbers, run_round, stages, undefined_names, write_table

NOTEBOOKS = {
    **STATEMENT_NOTEBOOKS,
    **FUNCTION_NOTEBOOKS,
    **HABIT_NOTEBOOKS,
    **COURSE_NOTEBOOKS,
    **ENCLOSED_NOTEBOOKS,
}


def planned(text: str) -> Program:
    program, problems = plan(*notebook(text), HELPERS)
    assert [problem for problem in problems if problem.severity == "error"] == []
    assert program is not None
    return program


def site_values(program: Program, folder: Path) -> dict[str, str]:
    """Every key of a site is a folder or a table in this test."""
    write_table(folder / "table.csv")
    return {
        key.name: str(
            folder / "table.csv"
            if "csv" in key.name.lower() or "file" in key.name.lower()
            else folder
        )
        for key in program.site
    }


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_generated_modules_compile_and_define_their_names(name: str) -> None:
    program = planned(NOTEBOOKS[name])
    for stage in stages(program):
        text = module_text(program, stage)
        compile(text, f"{stage.role}.py", "exec")
        assert undefined_names(text) == set()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_two_rounds_run_and_give_numbers(name: str, tmp_path: Path) -> None:
    program = planned(NOTEBOOKS[name])
    found = run_round(program, site_values(program, tmp_path), tmp_path)
    for metrics in found.values():
        numbers(metrics)
    if program.evaluate:
        assert found["before"].keys() == found["after"].keys() != set()
