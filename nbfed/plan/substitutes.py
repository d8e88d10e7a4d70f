"""Imports that work in a notebook only, and what they are replaced by."""

from __future__ import annotations

import re

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement, edited
from nbfed.diagnostics import Diagnostic
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.notes import note
from nbfed.plan.settings import Settings

# Progress bars of notebooks need Jupyter's widgets; `tqdm.auto` finds out where it runs.
_REPLACED = (
    (
        re.compile(r"\bfrom\s+tqdm\.(notebook|autonotebook|_tqdm_notebook)\s+import\b"),
        "from tqdm.auto import",
    ),
    (
        re.compile(r"\bfrom\s+tqdm\s+import\s+tqdm_notebook(\s+as\s+(\w+))?"),
        "from tqdm.auto import tqdm as {}",
    ),
    (re.compile(r"\bimport\s+tqdm\.notebook\s+as\b"), "import tqdm.auto as"),
    (re.compile(r"\btqdm\.notebook\.tqdm\b"), "tqdm.tqdm"),
    (re.compile(r"\btqdm\.tqdm_notebook\b"), "tqdm.tqdm"),
)


def without_widgets(facts: Facts, settings: Settings) -> Completed:
    """The statements with progress bars that work outside of Jupyter too."""
    statements = list(facts.statements)
    problems: list[Diagnostic] = []
    for item in facts.statements:
        changed = _replaced(facts, item)
        if changed is not None:
            statements[item.order] = changed
            if item.is_import:
                problems.append(
                    note(
                        facts,
                        "NBF321",
                        item,
                        "this progress bar needs Jupyter; `tqdm.auto` is used instead",
                    )
                )
    if statements == list(facts.statements):
        return unchanged(facts)
    return Completed(tuple(statements), tuple(problems))


def _replaced(facts: Facts, item: Statement) -> Statement | None:
    lines = facts.notebook.cell(item.cell).source.split("\n")
    edits: dict[int, str] = {}
    for number in range(item.line, item.end_line + 1):
        text = item.edits.get(number, lines[number - 1])
        if "tqdm" not in text:
            continue
        for pattern, new in _REPLACED:
            found = pattern.search(text)
            if found:
                text = text[: found.start()] + _filled(new, found) + text[found.end() :]
        if text != item.edits.get(number, lines[number - 1]):
            edits[number] = text
    return edited(item, edits, facts.notebook) if edits and not item.text else None


def _filled(new: str, found: re.Match[str]) -> str:
    return new.format(found.group(2) or "tqdm_notebook") if "{}" in new else new
