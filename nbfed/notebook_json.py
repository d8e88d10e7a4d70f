"""The JSON of a notebook, of any format since 3, as plain cells; damage is noted, not raised."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_KINDS = frozenset({"code", "markdown", "raw"})
_NEWEST = 4
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
    """The notebook's JSON object.

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
    _check_format(content)
    return content


def cells(content: Json) -> Iterator[RawCell]:
    """Every cell in the order of the file."""
    for cell in _cell_objects(content):
        yield _cell(cell)


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


def _check_format(content: Json) -> None:
    major = content.get("nbformat")
    if isinstance(major, bool) or not isinstance(major, int):
        major = _NEWEST
    if major > _NEWEST:
        raise NotANotebookError(
            "NBF106",
            f"the notebook has format {major}, newer than format {_NEWEST}",
            "update nbfed, or save the notebook as format 4 in JupyterLab",
        )
    if major < _OLDEST:
        raise NotANotebookError(
            "NBF106",
            f"the notebook has format {major}, older than format {_OLDEST}",
            "convert it with `jupyter nbconvert --to notebook`, or save it in JupyterLab",
        )
    if not isinstance(content.get("cells"), list) and not isinstance(
        content.get("worksheets"), list
    ):
        raise _not_one("its JSON has no list of cells")


def _cell_objects(content: Json) -> Iterator[object]:
    listed = content.get("cells")
    if isinstance(listed, list):
        yield from listed
        return
    sheets = content.get("worksheets")
    for sheet in sheets if isinstance(sheets, list) else ():
        listed = _object(sheet).get("cells")
        yield from listed if isinstance(listed, list) else ()


def _cell(cell: object) -> RawCell:
    if not isinstance(cell, dict):
        return RawCell("raw", "", damage=(f"the cell is {_kind_of(cell)}, not an object",))
    damage: list[str] = []
    kind = cell.get("cell_type")
    source = _joined(cell, damage)
    if kind == "heading":  # format 3
        return RawCell("markdown", f"{'#' * _level(cell.get('level'))} {source}")
    if not isinstance(kind, str) or kind not in _KINDS:
        kind = "code" if "outputs" in cell else "raw"
        damage.append(f"the cell has no known type and was read as {kind}")
    count = cell.get("execution_count", cell.get("prompt_number"))
    name = cell.get("id")
    return RawCell(
        kind,
        source,
        _tags(cell, damage),
        count if isinstance(count, int) and not isinstance(count, bool) else None,
        name if isinstance(name, str) and _ID.match(name) else None,
        tuple(damage),
    )


def _joined(cell: Json, damage: list[str]) -> str:
    source = cell.get("source", cell.get("input"))
    if isinstance(source, str):
        text = source
    elif isinstance(source, list):
        text = "".join(line for line in source if isinstance(line, str))
        if not all(isinstance(line, str) for line in source):
            damage.append("lines of the source that are not text were left out")
    else:
        text = ""
        damage.append("the cell has no source")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _tags(cell: Json, damage: list[str]) -> tuple[str, ...]:
    tags = _object(cell.get("metadata")).get("tags", [])
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        return tuple(dict.fromkeys(tags))
    damage.append("the cell's tags are not a list of texts and were left out")
    return ()


def _level(level: object) -> int:
    return level if isinstance(level, int) and 1 <= level <= 6 else 1


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _kind_of(value: object) -> str:
    names = {list: "a list", str: "a text", type(None): "null", bool: "a truth value"}
    return names.get(type(value), "a number")


def _not_one(message: str, hint: str = "") -> NotANotebookError:
    return NotANotebookError("NBF101", f"not a notebook: {message}", hint)
