"""What is wrong with a federation.yaml, in the reader's words and with the line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nbfed.errors import NbfedError
from nbfed.federation.yaml_lines import Document, Path

_WANTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping of names to values",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping of names to values",
    "string_type": "text",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, on a 1-based line, and what to do about it."""

    line: int
    message: str
    hint: str = ""


class FederationError(NbfedError):
    """A federation.yaml that cannot be used; ``problems`` has all that was found."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        first = self.problems[0]
        self.line = first.line
        super().__init__(first.message, hint=first.hint)

    def findings(self) -> tuple[tuple[str, str], ...]:
        """Every problem, by its file and line."""
        return tuple((f"{self.file}:{p.line}: {p.message}", p.hint) for p in self.problems)

    def __str__(self) -> str:
        return "\n".join(sentence for sentence, _ in self.findings())


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known word that is most like this one, or all of them."""
    names = sorted(known)
    if match := difflib.get_close_matches(word, names, n=1, cutoff=0.6):
        return f"did you mean `{match[0]}`?"
    folded = {name.lower(): name for name in names}
    if match := difflib.get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6):
        return f"did you mean `{folded[match[0]]}`?"
    return f"known are {', '.join(f'`{name}`' for name in names)}" if names else "there are none"


def explain(
    error: ValidationError, document: Document, keys: Mapping[str, Iterable[str]]
) -> tuple[Problem, ...]:
    """One problem for each of pydantic's errors.

    ``keys`` has the known keys of each section by its name; "" is the file's top level.
    """
    return tuple(_problem(details, document, keys) for details in error.errors())


def _problem(
    details: ErrorDetails, document: Document, keys: Mapping[str, Iterable[str]]
) -> Problem:
    # pydantic marks an error in a mapping's key with "[key]" after the key.
    path: Path = tuple(part for part in details["loc"] if part != "[key]")
    line, shown = document.line(path), ".".join(map(str, path))
    if details["type"] == "extra_forbidden":
        section = str(path[0]) if len(path) > 1 else ""
        hint = nearest(str(path[-1]), keys[section])
        if section == "sites" and not hint.startswith("did"):
            hint = "values for the notebook's site cells go under `params:`"
        return Problem(line, f"unknown key `{shown}`", hint)
    if not path:
        return Problem(line, "must be a mapping of names to values")
    context = details.get("ctx", {})
    return Problem(line, f"`{shown}` {_sentence(details, context)}", context.get("hint", ""))


def _sentence(details: ErrorDetails, context: Mapping[str, Any]) -> str:
    kind, value = details["type"], details["input"]
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, not {_show(value)}"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"must be {words} {int(context[bound])}, not {_show(value)}"
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        return f"must be {context['expected'].replace(chr(39), '`')}, not {_show(value)}"
    return details["msg"]


def _show(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"`{value}`"
        case str():
            return f"`{value}`" if len(value) <= 40 else f"`{value[:37]}...`"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return f"a {type(value).__name__}"
