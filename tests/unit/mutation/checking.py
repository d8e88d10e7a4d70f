"""What holds for every notebook: a program that can be written out, or reasons why not."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nbfed.catalogue import CATALOGUE
from nbfed.compiler import compile_notebook
from nbfed.diagnostics import has_errors
from nbfed.emit import Requirements, build_files
from nbfed.federation.schema import Federation
from nbfed.program import Program
from nbfed.read.notebook import read_notebook
from nbfed.reporters import render_github, render_json, render_text
from nbfed.requirements.resolution import Installed, resolve
from nbfed.suggest.marking import proposed_marks, tags_of
from nbfed.suggest.tagging import add_tags

FEDERATION = Federation().named("a")
FILE = "a.ipynb"


def check(data: bytes, helpers: Mapping[str, str]) -> Program | None:
    """Do with a notebook all that the commands do with it, but write; return its program."""
    notebook, _ = read_notebook(data, FILE)
    compilation = compile_notebook(data, FILE, helpers)
    found = compilation.diagnostics
    assert {each.code for each in found} <= set(CATALOGUE)
    assert (compilation.program is None) == has_errors(found), found
    for render in (render_text, render_json, render_github):
        render(found, notebook)
    if notebook is not None:
        add_tags(data, tags_of(proposed_marks(notebook)))
        for each in found:
            _check_place(each.location.cell, each.location.line, notebook.cells)
    if compilation.program is not None:
        _check_program(compilation.program, [cell.source for cell in notebook.cells])  # type: ignore[union-attr]
    return compilation.program


def _check_place(cell: int, line: int, cells: tuple[object, ...]) -> None:
    assert 0 <= cell <= len(cells)
    if line:
        source: str = cells[cell - 1].raw  # type: ignore[attr-defined]
        assert line <= source.count("\n") + 1


def _check_program(program: Program, sources: list[str]) -> None:
    for imports in (program.client_imports, program.server_imports):
        resolve(imports, program.pip, program.requires, installed=Installed())
    _, files = build_files(
        program, FEDERATION, Requirements((), ()), notebook=FILE, federation_file=""
    )
    helpers = {helper.path for helper in program.helpers}
    for path, data in files.items():
        if path.endswith(".py"):
            module = path.partition("/")[2].partition("/")[2]
            if module not in helpers:
                compile(data, path, "exec", dont_inherit=True)
    for side in ("client", "server"):
        package = f"{side}/a_{side}"
        for module, rows in json.loads(files[f"{package}/sourcemap.json"]).items():
            lines = files[f"{package}/{module}"].decode("utf-8", "surrogatepass").split("\n")
            for first, last, cell, cell_line in rows:
                assert 1 <= first <= last <= len(lines)
                assert cell_line >= 1
                assert cell_line <= sources[cell - 1].count("\n") + 1
