"""Write role tags into a notebook's file; every other byte stays as it is."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping

from nbfed.read import notebook_json
from nbfed.read.json_text import (
    elements,
    member,
    replaced,
    skip_blank,
    style,
    with_element,
    with_member,
)
from nbfed.roles import Role


def add_tags(data: bytes, roles: Mapping[int, Role]) -> bytes:
    """The notebook with the tag ``nbfed:ROLE`` added to cells, by their 1-based index.

    Indentation, order of keys, escapes and the end of the file are kept. A cell that has the
    tag already is not changed.

    Raises:
        NotANotebookError: the bytes are no notebook that can be read.
        ValueError: there is no such cell.
    """
    notebook_json.load(data)
    encoding = _encoding(data)
    text = data.decode(encoding)
    starts = list(_cells(text))
    # From the last cell to the first, so that earlier positions stay true.
    for index in sorted(roles, reverse=True):
        if not 1 <= index <= len(starts) or text[starts[index - 1]] != "{":
            raise ValueError(f"the notebook has no cell {index}")
        text = _tagged(text, starts[index - 1], f"nbfed:{roles[index]}")
    return text.encode(encoding)


def _encoding(data: bytes) -> str:
    """Named with its byte order, so that a byte order mark is kept as a character."""
    if data.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    return "utf-16-be" if data.startswith(codecs.BOM_UTF16_BE) else "utf-8"


def _cells(text: str) -> Iterator[int]:
    root = skip_blank(text, 0)
    cells = member(text, root, "cells")
    if cells and text[cells.start] == "[":
        yield from (start for start, _ in elements(text, cells.start))
        return
    sheets = member(text, root, "worksheets")
    for start, _ in elements(text, sheets.start) if sheets else ():
        inner = member(text, start, "cells") if text[start] == "{" else None
        if inner and text[inner.start] == "[":
            yield from (start for start, _ in elements(text, inner.start))


def _tagged(text: str, cell: int, tag: str) -> str:
    of_cell = style(text, cell)
    metadata = member(text, cell, "metadata")
    if metadata is None:
        return with_member(text, cell, "metadata", {"tags": [tag]})
    if text[metadata.start] != "{":
        return replaced(text, metadata.start, metadata.end, of_cell.render({"tags": [tag]}))
    of_metadata = style(text, metadata.start, of_cell)
    tags = member(text, metadata.start, "tags")
    if tags is None:
        return with_member(text, metadata.start, "tags", [tag], of_cell)
    if text[tags.start] != "[":
        return replaced(text, tags.start, tags.end, of_metadata.render([tag]))
    if tag in json.loads(text[tags.start : tags.end]):
        return text
    return with_element(text, tags, tag, of_metadata)
