"""What must hold of the regions as a whole, before anything looks at the code in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nbfed.diagnostics import Diagnostic, Location, diagnostic
from nbfed.read.cells import Cell, MagicLine, Notebook
from nbfed.read.magic_syntax import BODY_MAGICS
from nbfed.read.placement import statement_lines
from nbfed.roles import Region, Role

_NEEDED = (Role.DATA, Role.MODEL, Role.TRAIN)
_MAY_BE_EMPTY = frozenset({Role.SKIP, Role.INCLUDE})
_DEFINING_MAGICS = frozenset({"%run", "%load", "%pylab"})
_HARMLESS_MAGICS = re.compile(
    r"\?|%(matplotlib|load_ext|reload_ext|autoreload|config|watermark|time|timeit|prun|whos?"
    r"|history|p(info2?|doc|file|source)|tensorboard|pip|conda|mamba|uv|ls|ll|pwd|tensorflow_version"
    r"|precision|xmode|pdb|debug|lprun|mprun|memit|capture)\Z"
)
_HARMLESS_COMMANDS = re.compile(
    r"!+\s*(sudo\s+)?(\S*pip[\d.]*|\S*conda|mamba|uv|apt|apt-get|nvidia-smi|ls|pwd|echo|cat|head"
    r"|tail|du|df|date|which|free|lscpu|wc|tree|python[\d.]*\s+(-m\s+pip|-c|--version|-V)"
    r"|\{sys\.executable\})\b"
)


def check_regions(notebook: Notebook, regions: Sequence[Region]) -> Iterator[Diagnostic]:
    """Missing roles, empty regions, code that is not Python or that a magic hides."""
    yield from _missing(notebook, regions)
    broken: set[int] = set()
    for region in regions:
        if region.role is None or region.role is Role.SKIP:
            continue
        cell = notebook.cell(region.cell)
        if cell.syntax_problem and cell.index not in broken:
            broken.add(cell.index)
            yield _syntax(notebook.file, cell, region.role)
        magics = [m for m in cell.magics if region.first_line <= m.line <= region.last_line]
        found = [each for magic in magics for each in _magic(notebook.file, cell, region, magic)]
        yield from found
        if not any(each.code == "NBF103" for each in found):
            yield from _empty(notebook.file, cell, region)


def _missing(notebook: Notebook, regions: Sequence[Region]) -> Iterator[Diagnostic]:
    place = Location(notebook.file)
    given = {region.role for region in regions} - {None}
    if not given:
        yield diagnostic(
            "NBF110",
            place,
            "no cell has a role",
            f"`nbfed init {notebook.file}` proposes roles; or mark the cells yourself: "
            "`# nbfed: data`, `# nbfed: model`, `# nbfed: train`",
        )
        return
    for role in _NEEDED:
        if role not in given:
            hint = f"tag a cell `nbfed:{role}`, or write `# nbfed: {role}` above its code"
            yield diagnostic("NBF110", place, f"no cell has the role `{role}`", hint)


def _syntax(file: str, cell: Cell, role: Role) -> Diagnostic:
    problem = cell.syntax_problem
    line, column, why = (problem.line, problem.column, problem.message) if problem else (1, 1, "")
    return diagnostic(
        "NBF102",
        Location(file, cell.index, line, column),
        f"the cell has the role `{role}` and is not valid Python: {why}",
        "mend the line, or move it to a cell without a role",
    )


def _magic(file: str, cell: Cell, region: Region, magic: MagicLine) -> Iterator[Diagnostic]:
    line = cell.raw.split("\n")[magic.line - 1]
    column = len(line) - len(line.lstrip()) + 1
    place, length = Location(file, region.cell, magic.line, column), len(line.strip())
    if magic.name.startswith("%%"):
        if magic.name.removeprefix("%%") not in BODY_MAGICS:
            yield diagnostic(
                "NBF103",
                place,
                f"`{magic.name}` hides the cell's code from Python, and the cell has the role "
                f"`{region.role}`",
                "write the cell in Python, or remove its role",
                length=length,
            )
    elif magic.name in _DEFINING_MAGICS:
        yield diagnostic(
            "NBF103",
            place,
            f"`{magic.text}` brings names that plain Python does not have",
            "put the code in a module beside the notebook and import it",
            length=length,
        )
    elif not magic.binds and not _is_harmless(magic):
        yield diagnostic(
            "NBF120",
            place,
            f"`{_short(magic.text)}` is dropped from the role `{region.role}`",
            "each site has to do this by itself; or write it in Python",
            length=length,
        )


def _is_harmless(magic: MagicLine) -> bool:
    if magic.name.startswith("!"):
        return bool(_HARMLESS_COMMANDS.match(magic.text.lstrip()))
    return bool(_HARMLESS_MAGICS.match(magic.name))


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _empty(file: str, cell: Cell, region: Region) -> Iterator[Diagnostic]:
    if region.role in _MAY_BE_EMPTY:
        return
    first, last = region.first_line, region.last_line
    if not any(first <= line <= last for line in statement_lines(cell)):
        yield diagnostic(
            "NBF117",
            Location(file, cell.index, first, 1),
            f"the region has the role `{region.role}` and no code",
            "put the directive above the code, in the same cell",
        )
