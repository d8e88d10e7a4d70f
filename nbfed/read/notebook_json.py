"""The JSON of a notebook, of format 3 or 4, as plain cells; damage is noted, not raised."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nbfed.read.notebook_format import KINDS, NEWEST, ConversionError, as_newest, flaws

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_OLDEST = 3

Json = Mapping[str, object]


class NotANotebookError(Exception):
    """The bytes hold no notebook that can be read: a code of the catalogue, text and hint."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class RawCell:
    """A cell as the file has it, its source joined, with what was wrong about it."""

    kind: str
    source: str
    tags: tuple[str, ...] = ()
    execution_count: int | None = None
    id: str | None = None
    damage: tuple[str, ...] = field(default=())


def load(data: bytes) -> Json:
    """The notebook's JSON object, in format 4.

    Raises:
        NotANotebookError: the bytes are no JSON, no notebook, or of a format not supported.
    """
    text = _decode(data)
    try:
        content = json.loads(text)
    except RecursionError:
        raise _not_one("its JSON is nested too deeply") from None
    except ValueError as error:
        raise _not_one(f"it is not JSON ({error})", _why_not_json(text)) from None
    if not isinstance(content, dict):
        raise _not_one(f"its JSON is {_kind_of(content)}, not an object")
    major = _major(content)
    if major == NEWEST:
        return content
    try:
        return as_newest(content, major)
    except ConversionError:
        raise NotANotebookError(
            "NBF106",
            f"the notebook has format {major} and is too damaged to be converted",
            "open it in JupyterLab to see whether it can be saved as format 4",
        ) from None


def cells(content: Json) -> Iterator[RawCell]:
    """Every cell in the order of the file, with what is wrong about it."""
    listed = content.get("cells")
    if isinstance(listed, list):
        damage = flaws(listed)
        for index, cell in enumerate(listed, 1):
            yield _cell(cell, damage.get(index, ()))


def language(content: Json) -> str:
    """The language of the notebook's kernel in lower case, "" where the file does not say."""
    metadata = _object(content.get("metadata"))
    kernel = _object(metadata.get("kernelspec"))
    info = _object(metadata.get("language_info"))
    for value in (info.get("name"), kernel.get("language"), kernel.get("name")):
        if isinstance(value, str) and value.strip():
            return value.strip().lower()
    return ""


def _decode(data: bytes) -> str:
    if not data.strip():
        raise _not_one("the file is empty")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise _not_one("the file is not text in UTF-8") from None


def _why_not_json(text: str) -> str:
    start = text.lstrip()[:200].lower()
    if start.startswith("<"):
        return "this looks like a web page: download the raw notebook"
    if start.startswith("version https://git-lfs"):
        return "this is a pointer of Git LFS: run `git lfs pull`"
    if re.search(r"^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE):
        return "the file holds an unresolved merge conflict"
    if re.match(r"(import|from|def|class|#|\"\"\")", start):
        return "this looks like a Python file: nbfed reads notebooks (.ipynb)"
    return "open it in JupyterLab to see whether it can be read there"


def _major(content: Json) -> int:
    """The major version of the format, which is refused if it cannot be read."""
    major = content.get("nbformat")
    if isinstance(major, bool) or not isinstance(major, int):
        major = NEWEST if "cells" in content else _OLDEST
    if major > NEWEST:
        raise NotANotebookError(
            "NBF106",
            f"the notebook has format {major}, newer than format {NEWEST}",
            "update nbfed, or save the notebook as format 4 in JupyterLab",
        )
    if major < _OLDEST:
        raise NotANotebookError(
            "NBF106",
            f"the notebook has format {major}, older than format {_OLDEST}",
            "convert it with `jupyter nbconvert --to notebook`, or save it in JupyterLab",
        )
    if not isinstance(content.get("cells" if major == NEWEST else "worksheets"), list):
        raise _not_one("its JSON has no list of cells")
    return major


def _cell(cell: object, damage: tuple[str, ...]) -> RawCell:
    if not isinstance(cell, dict):
        return RawCell("raw", "", damage=damage)
    kind = cell.get("cell_type")
    if not isinstance(kind, str) or kind not in KINDS:
        kind = "code" if "outputs" in cell else "raw"
    count = cell.get("execution_count")
    name = cell.get("id")
    return RawCell(
        kind,
        _joined(cell.get("source")),
        _tags(cell),
        count if isinstance(count, int) and not isinstance(count, bool) else None,
        name if isinstance(name, str) and _ID.match(name) else None,
        damage,
    )


def _joined(source: object) -> str:
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _tags(cell: Json) -> tuple[str, ...]:
    tags = _object(cell.get("metadata")).get("tags")
    listed = tags if isinstance(tags, list) else []
    return tuple(dict.fromkeys(tag for tag in listed if isinstance(tag, str)))


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _kind_of(value: object) -> str:
    names = {list: "a list", str: "a text", type(None): "null", bool: "a truth value"}
    return names.get(type(value), "a number")


def _not_one(message: str, hint: str = "") -> NotANotebookError:
    return NotANotebookError("NBF101", f"not a notebook: {message}", hint)
