"""Show a difference to people and to programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from nbfed.difference.compare import Change, Difference, Hunk
from nbfed.difference.contents import Contents
from nbfed.difference.module_lines import Line

Paint = Callable[[str, str], str]
"""A text and its colour ("red", "green", "bold") to the text as the terminal shows it."""

_DIGEST = 12
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}


def as_text(old: Contents, new: Contents, found: Difference, paint: Paint) -> str:
    """The difference, one part below the other, lines of cells with the cell's number."""
    lines = [f"{old.folder} -> {new.folder}"]
    if not found:
        return f"{lines[0]}: the same\n"
    for title, part in _parts(old, new, found, paint):
        body = list(part)
        if body:
            lines += ["", paint(title, "bold"), *body]
    return "\n".join(lines) + "\n"


def as_json(old: Contents, new: Contents, found: Difference) -> str:
    """The difference as one JSON object."""
    content = {
        "old": old.folder,
        "new": new.folder,
        "same": not found,
        "stages": {stage: [_hunk(hunk) for hunk in hunks] for stage, hunks in found.stages.items()},
        "renumbered_cells": [
            {"old": before, "new": after} for before, after in found.renumbered.items()
        ],
        "params": _listed(found.params),
        "site_keys": _listed(found.site),
        "requirements": {side: _listed(found.requirements[side]) for side in found.requirements},
        "settings": _listed(found.settings),
        "digests": _listed(found.digests),
        "names": _listed(found.names),
        "other_files": [{"path": each.name, "kind": each.kind} for each in found.files],
    }
    return json.dumps(content, indent=2)


def _parts(
    old: Contents, new: Contents, found: Difference, paint: Paint
) -> Iterator[tuple[str, Iterable[str]]]:
    yield "names", _named(found.names, paint)
    for stage, hunks in found.stages.items():
        only = _only_in(stage, old, new)
        yield f"{stage}{only}", _hunks(hunks, paint)
    moves = [f"  cell {before} is now cell {after}" for before, after in found.renumbered.items()]
    yield "the same code in other cells", moves
    yield "parameters", _named(found.params, paint)
    yield "site keys", _named(found.site, paint)
    for side, changes in found.requirements.items():
        yield f"requirements of the {side}", _named(changes, paint, "any version")
    yield "settings", _named(found.settings, paint)
    yield "digests", _named([_short(each) for each in found.digests], paint)
    yield (
        "other files",
        [_coloured(each, f"  {_sign(each)} {each.name}", paint) for each in found.files],
    )


def _only_in(stage: str, old: Contents, new: Contents) -> str:
    if stage not in old.stages:
        return " (new)"
    return "" if stage in new.stages else " (gone)"


def _hunks(hunks: Sequence[Hunk], paint: Paint) -> Iterator[str]:
    every = [line for hunk in hunks for line in (*hunk.old, *hunk.new)]
    width = max(len(_place(line)) for line in every)
    for number, hunk in enumerate(hunks):
        if number:
            yield ""
        for sign, colour, side in (("-", "red", hunk.old), ("+", "green", hunk.new)):
            for line in side:
                yield paint(f"  {sign} {_place(line):{width}} | {line.text}", colour)


def _place(line: Line) -> str:
    return f"cell {line.cell}:{line.line}" if line.cell else "generated"


def _named(changes: Iterable[Change], paint: Paint, empty: str = "") -> Iterator[str]:
    for each in changes:
        values = [value or empty for value in (each.old, each.new) if value is not None]
        yield _coloured(each, f"  {_sign(each)} {each.name}: {' -> '.join(values)}", paint)


def _sign(change: Change) -> str:
    return _SIGNS[change.kind]


def _coloured(change: Change, text: str, paint: Paint) -> str:
    return paint(text, _COLOURS[change.kind])


def _short(change: Change) -> Change:
    old, new = ((each or "")[:_DIGEST] for each in (change.old, change.new))
    return Change(change.name, old, new)


def _hunk(hunk: Hunk) -> dict[str, Any]:
    return {
        "kind": hunk.kind,
        "old": [_line(line) for line in hunk.old],
        "new": [_line(line) for line in hunk.new],
    }


def _line(line: Line) -> dict[str, Any]:
    return {"cell": line.cell or None, "line": line.line or None, "text": line.text}


def _listed(changes: Iterable[Change]) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "kind": each.kind, "old": each.old, "new": each.new} for each in changes
    ]
