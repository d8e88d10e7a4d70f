"""Read a notebook: bytes in, frozen cells and diagnostics out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbfed.diagnostics import Diagnostic, Location, diagnostic
from nbfed.read import notebook_json
from nbfed.read.cells import Cell, MagicLine, Notebook, PipLine, SyntaxProblem
from nbfed.read.directives import required
from nbfed.read.magics import Stripped, strip_magics
from nbfed.read.notebook_json import NotANotebookError, RawCell

__all__ = ["Cell", "MagicLine", "Notebook", "PipLine", "SyntaxProblem", "read_notebook"]

_OTHER_LANGUAGES = re.compile(
    r"(r|ir|c|c\+\+|c#|\.net.*|f#|java|javascript|typescript|julia.*|bash|sh|xcpp.*|scala|ruby|rust"
    r"|sas|matlab|octave|sql|go|gophernotes|powershell|perl|haskell|lua|kotlin|swift|wolfram.*)\Z"
)


def read_notebook(data: bytes, file: str) -> tuple[Notebook | None, list[Diagnostic]]:
    """The notebook in these bytes, without its outputs; None if no stage can go on with it.

    Never raises: whatever is wrong is a diagnostic at ``file``, the name shown to people. A
    code cell that is not Python has a ``syntax_problem`` and is no diagnostic yet, as it
    matters only where a role needs the cell.
    """
    try:
        content = notebook_json.load(data)
    except NotANotebookError as error:
        return None, [diagnostic(error.code, Location(file), error.message, error.hint)]
    language = notebook_json.language(content)
    if not _is_python(language):
        return None, [
            diagnostic(
                "NBF105",
                Location(file),
                f"the notebook's language is {language}, not Python",
                "nbfed compiles Python notebooks that train with PyTorch",
            )
        ]
    raw = tuple(notebook_json.cells(content))
    stripped = tuple(strip_magics(cell.source) if cell.kind == "code" else None for cell in raw)
    cells = tuple(
        _cell(index, *each) for index, each in enumerate(zip(raw, stripped, strict=True), 1)
    )
    if not any(cell.kind == "code" and cell.source.strip() for cell in cells):
        message = "the notebook has no cell with code"
        return None, [diagnostic("NBF104", Location(file), message)]
    requires = tuple(_requires(cells))
    pip = (*_pip_lines(stripped), *requires)
    notebook = Notebook(file, cells, pip=pip, requires=requires)
    return notebook, [*_damage(file, raw), *_left_out(file, stripped), *_out_of_order(notebook)]


def _is_python(language: str) -> bool:
    # A kernel may have any name: only what is known to be another language is refused.
    return not _OTHER_LANGUAGES.match(language)


def _cell(index: int, raw: RawCell, stripped: Stripped | None) -> Cell:
    return Cell(
        index=index,
        kind=raw.kind,
        source=stripped.source if stripped else raw.source,
        raw=raw.source,
        tags=raw.tags,
        execution_count=raw.execution_count,
        id=raw.id,
        syntax_problem=stripped.problem if stripped else None,
        magics=stripped.magics if stripped else (),
    )


def _pip_lines(stripped: tuple[Stripped | None, ...]) -> Iterator[PipLine]:
    for index, cell in enumerate(stripped, 1):
        for line, request in cell.pip if cell else ():
            for requirement in request.requirements:
                yield PipLine(index, line, requirement)


def _requires(cells: tuple[Cell, ...]) -> Iterator[PipLine]:
    for cell in cells:
        for line, requirement in required(cell):
            yield PipLine(cell.index, line, requirement)


def _damage(file: str, raw: tuple[RawCell, ...]) -> Iterator[Diagnostic]:
    for index, cell in enumerate(raw, 1):
        for message in cell.damage:
            yield diagnostic("NBF107", Location(file, index), message)


def _left_out(file: str, stripped: tuple[Stripped | None, ...]) -> Iterator[Diagnostic]:
    for index, cell in enumerate(stripped, 1):
        for line, request in cell.pip if cell else ():
            for argument in request.others:
                yield diagnostic(
                    "NBF119",
                    Location(file, index, line, 1),
                    f"`{argument}` is no requirement by name and is left out",
                    "if the compiled code imports it, name its distribution: "
                    "`# nbfed: requires NAME`",
                )


def _out_of_order(notebook: Notebook) -> Iterator[Diagnostic]:
    highest = 0
    for cell in notebook.cells:
        count = cell.execution_count
        if count is None:
            continue
        if count < highest:
            yield diagnostic(
                "NBF402",
                Location(notebook.file, cell.index),
                "the notebook was not last run from top to bottom: this cell ran before one "
                "above it",
                "restart the kernel and run all cells, to see the results nbfed will see",
            )
            return
        highest = count
