from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from nbfed.compilation import compile_sources, write_build
from nbfed.sources import read_sources
from tests.e2e.study import CELLS, write_study


def requirements(folder: Path, *cells: str, federation: str = "") -> tuple[list[str], list[str]]:
    compiled = compile_sources(read_sources(write_study(folder, cells, federation)))
    assert compiled.program is not None, compiled.diagnostics
    return list(compiled.requirements.server), list(compiled.requirements.client)


def names(listed: list[str]) -> list[str]:
    return [Requirement(requirement).name for requirement in listed]


def imported(package: Path) -> set[str]:
    """The distributions that a generated package's modules import."""
    modules: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    typing_only = {"_typeshed"}
    outside = modules - set(sys.stdlib_module_names) - typing_only
    return {"pyyaml" if name == "yaml" else name for name in outside}


@pytest.mark.parametrize("side", ["server", "client"])
def test_a_generated_package_requires_just_what_its_modules_import(
    tmp_path: Path, side: str
) -> None:
    compiled = compile_sources(read_sources(write_study(tmp_path / "study")))
    assert compiled.program is not None
    build = write_build(compiled.program, compiled, tmp_path / "dist", force=False)
    required = {"server": compiled.requirements.server, "client": compiled.requirements.client}
    package = build.folder / side / f"study_{side}"
    assert set(names(list(required[side]))) == imported(package)


def test_flower_is_bounded_to_one_minor_version_on_both_sides(tmp_path: Path) -> None:
    server, client = requirements(tmp_path, *CELLS)
    assert "flwr>=1.42,<1.43" in server
    assert "flwr>=1.42,<1.43" in client


def test_the_notebooks_bounds_count_in_both_packages(tmp_path: Path) -> None:
    cells = ["# nbfed: data\nimport numpy\nzero = numpy.zeros(1)", *CELLS]
    server, client = requirements(tmp_path, *cells, federation='requires: ["numpy>=2,<2.9"]')
    assert "numpy>=2,<2.9" in server
    assert "numpy>=2,<2.9" in client


def test_an_import_that_only_the_data_need_stays_at_the_sites(tmp_path: Path) -> None:
    cells = ["# nbfed: data\nimport pandas\ntable = pandas.DataFrame()", *CELLS]
    server, client = requirements(tmp_path, *cells)
    assert "pandas" not in names(server)
    assert "pandas" in names(client)


def test_errors_of_the_notebook_leave_no_program(tmp_path: Path) -> None:
    compiled = compile_sources(read_sources(write_study(tmp_path, CELLS[:-3])))
    assert compiled.program is None
    assert [found.code for found in compiled.diagnostics if found.severity == "error"]
