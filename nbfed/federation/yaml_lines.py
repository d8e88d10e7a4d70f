"""Read YAML and remember on which line each value stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode
from yaml.reader import ReaderError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A YAML document's value, and the 1-based line of each path in it."""

    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of this path, or of the nearest one around it that has a line."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


_KINDS = {
    "bool": "true or false",
    "float": "a number",
    "int": "a number",
    "null": "empty",
    "timestamp": "a date",
}


class YamlError(ValueError):
    """Not a YAML document, or one that says the same thing twice."""

    def __init__(self, message: str, line: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.hint = hint


class _Loader(yaml.SafeLoader):
    """YAML 1.2's floats: PyYAML's own rule takes ``1e-3`` for a string."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_yaml(text: str) -> Document:
    """Read one YAML document; an empty one has the value None.

    Raises YamlError for text that is no YAML, for a key given twice and for a key that YAML
    does not read as text (``no``, ``12``).
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            return Document(None)
        lines: dict[Path, int] = {}
        _walk(node, (), lines, set())
        return Document(yaml.load(text, Loader=_Loader), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise YamlError(f"not valid YAML: {error.problem or error.context}", line) from None
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise YamlError("not valid YAML: a character that cannot stand there", line) from None


def _walk(node: Node, path: Path, lines: dict[Path, int], seen: set[int]) -> None:
    lines.setdefault(path, _line(node))
    if id(node) in seen:  # an alias, which may even stand inside what it names
        return
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), lines, seen)
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            name = _key(key)
            if (*path, name) in lines:
                first = lines[(*path, name)]
                raise YamlError(f"`{name}` is given twice (first on line {first})", _line(key))
            lines[(*path, name)] = _line(key)
            _walk(value, (*path, name), lines, seen)


def _key(node: Node) -> str:
    if node.tag != "tag:yaml.org,2002:str":
        shown = node.value if isinstance(node.value, str) else "this key"
        kind = _KINDS.get(node.tag.rpartition(":")[2], "something else")
        raise YamlError(
            f"YAML reads the key `{shown}` as {kind}", _line(node), f'quote it: "{shown}"'
        )
    return str(node.value)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
