"""Let nbformat convert old notebooks and judge new ones.

Its import takes longer than reading a notebook does, so it waits until there is one. Outputs
never reach it: what it logs and raises may quote what it was given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbfed.read.light_nbformat import import_light

KINDS = frozenset({"code", "markdown", "raw"})
NEWEST = 4
_MINOR = 5


class ConversionError(Exception):
    """A notebook of an old format is too damaged to be converted."""


def as_newest(content: Mapping[str, object], major: int) -> dict[str, Any]:
    """A notebook of an older major format in format 4, without its outputs and without ids.

    nbformat makes up a random id for each cell, which says nothing. Raises ConversionError.
    """
    nbformat = import_light("nbformat")
    unreadable: type[Exception] = import_light("nbformat.reader").NotJSONError

    try:
        sheets = [_sheet(sheet) for sheet in _listed(content)]
        whole = {"metadata": {}, **content, "nbformat": major, "worksheets": sheets}
        reads: Callable[..., dict[str, Any]] = nbformat.reads
        converted = reads(json.dumps(whole), as_version=NEWEST)
    except (
        *(nbformat.ValidationError, nbformat.NBFormatError, unreadable),
        *(AttributeError, KeyError, TypeError, ValueError, RecursionError),
    ) as error:
        raise ConversionError from error
    for cell in converted["cells"]:
        cell.pop("id", None)
    return converted


def flaws(cells: Sequence[object]) -> dict[int, tuple[str, ...]]:
    """What is not as format 4 has it, by the cell's 1-based index.

    Only of what nbfed reads: a cell's type, source and tags.
    """
    get_validator: Callable[..., Any] = import_light("nbformat.validator").get_validator
    bare = [_bare(index, cell) for index, cell in enumerate(cells, 1)]
    notebook = {"nbformat": NEWEST, "nbformat_minor": _MINOR, "metadata": {}, "cells": bare}
    validator = get_validator(NEWEST, _MINOR)
    try:
        if not any(validator.iter_errors(notebook)):
            return {}
    except RecursionError:
        pass  # the cell that is nested so deeply will show
    told = {index: _told(validator, cell) for index, cell in enumerate(bare, 1)}
    return {index: texts for index, texts in told.items() if texts}


def _told(validator: Any, cell: object) -> tuple[str, ...]:
    """What is wrong with a cell; never in nbformat's own words, which quote it."""
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        return ("it is no cell of a known type",)
    texts: dict[str, None] = {}
    try:
        for error in validator.iter_errors(cell, {"$ref": f"#/definitions/{kind}_cell"}):
            name = ".".join(part for part in error.relative_path if isinstance(part, str))
            missing = "the cell has no `source`"
            wrong = f"the cell's `{name}` is not as the notebook format has it"
            texts[missing if error.validator == "required" else wrong] = None
    except RecursionError:
        return ("the cell's JSON is nested too deeply",)
    return tuple(texts)


def _bare(index: int, cell: object) -> object:
    """A cell with nothing in it but what nbfed reads, and what the format demands besides."""
    if not isinstance(cell, dict):
        return cell
    read = {key: cell[key] for key in ("cell_type", "source") if key in cell}
    metadata = cell.get("metadata")
    told = metadata if isinstance(metadata, dict) else {}
    tags = {"tags": told["tags"]} if "tags" in told else {}
    bare = {"id": str(index), "metadata": tags, **read}
    if read.get("cell_type") == "code":
        bare |= {"outputs": [], "execution_count": None}
    return bare


def _listed(content: Mapping[str, object]) -> list[object]:
    sheets = content.get("worksheets")
    return sheets if isinstance(sheets, list) else []


def _sheet(sheet: object) -> object:
    cells = sheet.get("cells") if isinstance(sheet, dict) else None
    if not isinstance(sheet, dict) or not isinstance(cells, list):
        return sheet
    return {**sheet, "cells": [_without_outputs(cell) for cell in cells]}


def _without_outputs(cell: object) -> object:
    return {**cell, "outputs": []} if isinstance(cell, dict) else cell
