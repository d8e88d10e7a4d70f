"""The compiler: the bytes of a notebook in, a program and its diagnostics out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nbfed.diagnostics import (
    Diagnostic,
    Location,
    diagnostic,
    has_errors,
    sort_diagnostics,
)
from nbfed.plan import plan
from nbfed.program import Program
from nbfed.read.notebook import Notebook, read_notebook
from nbfed.read.regions import find_regions


@dataclass(frozen=True)
class Compilation:
    """What compiling gave: a program, unless a diagnostic is an error.

    ``notebook`` is None where the file could not be read as one.
    """

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    notebook: Notebook | None = None


def compile_notebook(
    data: bytes,
    file: str,
    helpers: Mapping[str, str] | None = None,
    params: Mapping[str, object] | None = None,
) -> Compilation:
    """Compile the notebook whose bytes are ``data``.

    ``file`` is its base name, as messages show it; ``helpers`` maps the POSIX paths of Python
    files beside it to their text, ``params`` parameters to the values of federation.yaml: what the
    notebook would compute from its data is taken from there. Runs nothing of the notebook.
    """
    notebook, problems = read_notebook(data, file)
    if notebook is None or has_errors(problems):
        return Compilation(None, sort_diagnostics(problems), notebook)
    regions, found = find_regions(notebook)
    problems = [*problems, *found]
    try:
        program, planned = plan(notebook, regions, helpers or {}, params)
    except RecursionError:
        return Compilation(None, sort_diagnostics([*problems, _too_deep(file)]), notebook)
    if program is not None:  # then a training region holds the roles that are missing
        problems = [found for found in problems if found.code != "NBF110"]
    problems = [*problems, *planned]
    program = None if has_errors(problems) else program
    return Compilation(program, sort_diagnostics(problems), notebook)


def _too_deep(file: str) -> Diagnostic:
    return diagnostic(
        "NBF210",
        Location(file),
        "the code is nested too deeply to be analysed",
        "break the longest expression into several statements",
    )
