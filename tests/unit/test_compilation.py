from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement

from nbfed.compilation import compile_sources
from nbfed.sources import read_sources
from tests.e2e.study import CELLS, write_study


def requirements(folder: Path, *cells: str, federation: str = "") -> tuple[list[str], list[str]]:
    compiled = compile_sources(read_sources(write_study(folder, cells, federation)))
    assert compiled.program is not None, compiled.diagnostics
    return list(compiled.requirements.server), list(compiled.requirements.client)


def names(listed: list[str]) -> list[str]:
    return [Requirement(requirement).name for requirement in listed]


def test_generated_packages_require_what_their_own_modules_import(tmp_path: Path) -> None:
    server, client = requirements(tmp_path, *CELLS)
    assert names(server) == ["cryptography", "flwr", "numpy", "safetensors", "torch"]
    assert names(client) == ["flwr", "httpx", "numpy", "pyyaml", "torch"]
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
