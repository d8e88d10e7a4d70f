"""Render diagnostics as text, as JSON, and as GitHub workflow commands."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Sequence

from nbfed.catalogue import Entry
from nbfed.diagnostics import Diagnostic, Severity
from nbfed.read.cells import Cell, Notebook
from nbfed.read.magics import MARK

_WIDTH = 88


def render_text(diagnostics: Sequence[Diagnostic], notebook: Notebook | None = None) -> str:
    """One block per finding as ruff prints it, with the source line, and a count at the end.

    With the notebook at hand, source lines that a finding lacks and the ``In [5]`` of its cell
    are added.
    """
    blocks = [_block(found, notebook) for found in diagnostics]
    return "\n".join([*blocks, _summary(diagnostics)]) + "\n"


def render_json(diagnostics: Sequence[Diagnostic], notebook: Notebook | None = None) -> str:
    """An array with one object per finding; a cell's id is null where the file has none."""
    return json.dumps([_record(found, notebook) for found in diagnostics], indent=2) + "\n"


def render_github(diagnostics: Sequence[Diagnostic], notebook: Notebook | None = None) -> str:
    """Workflow commands; GitHub shows no place inside a cell, so the message names it."""
    del notebook
    return "".join(f"{_command(found)}\n" for found in diagnostics)


def render_explanation(entry: Entry) -> str:
    """The page that ``nbfed explain CODE`` prints."""
    parts = [
        f"{entry.code}: {entry.title} ({entry.severity})",
        textwrap.fill(entry.explanation, _WIDTH),
    ]
    if entry.before:
        parts += ["Before:", textwrap.indent(entry.before, "    ")]
        parts += ["After:", textwrap.indent(entry.after, "    ")]
    return "\n\n".join(parts) + "\n"


def _block(found: Diagnostic, notebook: Notebook | None) -> str:
    cell = _cell_of(found, notebook)
    level = "" if found.severity is Severity.ERROR else f"{found.severity}: "
    count = cell.execution_count if cell else None
    run = f" (In [{count}])" if count is not None else ""
    lines = [f"{found.location}: {found.code} {level}{found.message}{run}"]
    source = _source_line(found, cell)
    if source.strip():
        lines += _frame(found, source)
    lines += [f"  = hint: {line}" for line in found.hint.splitlines()]
    return "\n".join(lines)


def _frame(found: Diagnostic, source: str) -> list[str]:
    number = str(found.location.line or "")
    margin = " " * len(number)
    # A tab is one column for Python but several on the screen: the caret's line repeats it.
    lead = "".join("\t" if mark == "\t" else " " for mark in source[: found.location.column - 1])
    room = max(len(source.rstrip()) - len(lead), 1)
    caret = "^" * max(1, min(found.length, room))
    pointer = f"{margin} | {lead}{caret}" if found.location.column else f"{margin} |"
    return [f"{margin} |", f"{number} | {source.rstrip()}", pointer]


def _summary(diagnostics: Sequence[Diagnostic]) -> str:
    counts = Counter(found.severity for found in diagnostics)
    errors, warnings = counts[Severity.ERROR], counts[Severity.WARNING]
    if not errors and not warnings:
        return "No problems found."
    found = [_many(errors, "error"), _many(warnings, "warning")]
    return f"Found {' and '.join(part for part in found if part)}."


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else ""


def _record(found: Diagnostic, notebook: Notebook | None) -> dict[str, object]:
    cell = _cell_of(found, notebook)
    return {
        "code": found.code,
        "severity": str(found.severity),
        "file": found.location.file,
        "cell": found.location.cell or None,
        "cell_id": cell.id if cell else None,
        "line": found.location.line or None,
        "column": found.location.column or None,
        "length": found.length,
        "message": found.message,
        "hint": found.hint,
        "source_line": _source_line(found, cell),
    }


def _command(found: Diagnostic) -> str:
    level = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
    title = _escape_property(f"nbfed {found.code}")
    file = _escape_property(found.location.file)
    hint = f"\n{found.hint}" if found.hint else ""
    text = _escape(f"{found.location}: {found.code} {found.message}{hint}")
    return f"::{level[found.severity]} title={title},file={file},line=1::{text}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def _cell_of(found: Diagnostic, notebook: Notebook | None) -> Cell | None:
    index = found.location.cell
    if notebook is None or not 1 <= index <= len(notebook.cells):
        return None
    return notebook.cells[index - 1]


def _source_line(found: Diagnostic, cell: Cell | None) -> str:
    if cell is None or not 1 <= found.location.line <= cell.raw.count("\n") + 1:
        return found.source_line
    index = found.location.line - 1
    line = found.source_line or cell.source.split("\n")[index]
    # Columns are those of the source; of a line that a magic left, people know the raw one.
    return cell.raw.split("\n")[index] if MARK in line else line
