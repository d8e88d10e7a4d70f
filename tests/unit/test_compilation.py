from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from nbfed.compilation import compile_sources, require_federation, write_build
from nbfed.emit import build_files
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
    distributions = {"yaml": "pyyaml", "google": "protobuf"}
    return {distributions.get(name, name) for name in outside}


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


def test_what_the_notebook_requires_by_comment_reaches_the_sites(tmp_path: Path) -> None:
    comment = "# nbfed: requires openpyxl>=3\n# nbfed: requires numpy>=2.1"
    server, client = requirements(tmp_path, comment, *CELLS)
    assert "openpyxl" not in names(server)
    assert "openpyxl>=3" in client
    assert "numpy>=2.1" in server
    assert "numpy>=2.1" in client


def test_federation_yaml_has_the_last_word_on_a_requirement(tmp_path: Path) -> None:
    cells = ["# nbfed: requires openpyxl>=3", *CELLS]
    _, client = requirements(tmp_path, *cells, federation="requires: [openpyxl==3.1.5]")
    assert "openpyxl==3.1.5" in client


def test_an_import_that_nothing_brings_is_told_with_the_notebooks_name(tmp_path: Path) -> None:
    cells = ["# nbfed: data\nimport our_own_thing\nx = our_own_thing.x", *CELLS]
    cells[5] = cells[5].replace("\n", "\nprint(x)\n", 1)
    compiled = compile_sources(read_sources(write_study(tmp_path, cells)))
    found = [each for each in compiled.diagnostics if each.code == "NBF401"]
    assert {each.location.file for each in found} == {"study.ipynb"}


COMMANDS = """\
!huggingface-cli login --token hf_Vd0NoTtRaVeL
if LR:
    !curl -H 'Authorization: Bearer hf_Vd0NoTtRaVeL' \\
        https://mary:hf_Vd0NoTtRaVeL@models.hospital.example
%env API_KEY=hf_Vd0NoTtRaVeL
"""


def test_commands_of_the_notebook_do_not_travel(tmp_path: Path) -> None:
    cells = list(CELLS)
    head, _, code = cells[5].partition("\n")
    plain = "# one\nif LR:\n    pass  # two\n# three\n# four\n"
    written = {}
    for name, commands in (("with", COMMANDS), ("without", plain)):
        cells[5] = f"{head}\nstep = 1\n{commands}{code}"
        compiled = compile_sources(read_sources(write_study(tmp_path / name, cells)))
        assert compiled.program is not None, compiled.diagnostics
        _, written[name] = build_files(
            compiled.program,
            compiled.sources.federation,
            compiled.requirements,
            notebook="study.ipynb",
            federation_file="federation.yaml",
        )
    for path, data in written["with"].items():
        assert b"hf_" not in data, path
        # As a word: `summary` is not hers.
        assert not re.search(rb"\bmary\b", data), path
    train = "client/study_client/train.py"
    assert "pass  # IPython: a shell command stood here\n" in written["with"][train].decode()
    sourcemap = "client/study_client/sourcemap.json"
    assert written["with"][sourcemap] == written["without"][sourcemap]


def test_errors_of_the_notebook_leave_no_program(tmp_path: Path) -> None:
    compiled = compile_sources(read_sources(write_study(tmp_path, CELLS[:-3])))
    assert compiled.program is None
    assert [found.code for found in compiled.diagnostics if found.severity == "error"]


def test_a_size_of_the_data_is_taken_from_the_federation(tmp_path: Path) -> None:
    cells = [cell.replace("nn.Linear(2, 4)", "nn.Linear(table.shape[1] - 1, 4)") for cell in CELLS]
    source = read_sources(write_study(tmp_path / "none", cells))
    (found,) = [each for each in compile_sources(source).diagnostics if each.code == "NBF334"]
    assert "`params: {table_shape_1_1: 6}`" in found.hint
    given = "params: {table_shape_1_1: 2}\n"
    compiled = compile_sources(read_sources(write_study(tmp_path / "given", cells, given)))
    require_federation(compiled, complete=True)
    assert compiled.program is not None
    (size,) = [each for each in compiled.program.params if each.name == "table_shape_1_1"]
    assert (size.annotation, size.default) == ("int", "2")
