"""The options of a directive: their grammar, and which role knows which."""

from __future__ import annotations

import ast
import difflib
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from nbfed.read.cells import SyntaxProblem
from nbfed.read.parsing import parse
from nbfed.roles import Role


class Kind(Enum):
    """What an option's value has to be."""

    NAME = "a name"
    NAMES = "names, parted by commas"
    CALL = "a call in quotes"
    PATTERNS = "`all`, `trainable`, or patterns of names, parted by commas"
    FLAG = "nothing: the option stands alone"


_FUNCTION = {"name": Kind.NAME, "call": Kind.CALL}
OPTIONS: Mapping[Role, Mapping[str, Kind]] = {
    Role.PARAMS: {},
    Role.SITE: {},
    Role.DATA: {**_FUNCTION, "server": Kind.FLAG},
    Role.MODEL: {"name": Kind.NAMES, "call": Kind.CALL, "exchange": Kind.PATTERNS},
    Role.TRAIN: {
        **_FUNCTION,
        "metrics": Kind.NAMES,
        "examples": Kind.NAME,
        "keep": Kind.NAMES,
    },
    Role.EVALUATE: {**_FUNCTION, "metrics": Kind.NAMES, "examples": Kind.NAME},
    Role.STRATEGY: dict(_FUNCTION),
    Role.INCLUDE: {},
    Role.SKIP: {},
}

_OPTION = re.compile(
    r"""(?P<key>[A-Za-z_][\w-]*)
    (?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"',]+(?:\s*,\s*[^\s"',]+)*)))?
    (?=\s|\Z)""",
    re.VERBOSE,
)
_PATTERN = re.compile(r"[\w.*?\[\]!-]+\Z")


@dataclass(frozen=True)
class OptionProblem:
    """What is wrong with an option; ``start`` and ``length`` are its place in the text."""

    start: int
    length: int
    message: str
    hint: str
    code: str = "NBF116"


def parse_options(role: Role, text: str) -> tuple[dict[str, str], list[OptionProblem]]:
    """The options in the text after a role; a flag's value is ``true``, lists have no blanks."""
    options: dict[str, str] = {}
    problems: list[OptionProblem] = []
    for found in _options(text):
        if isinstance(found, OptionProblem):
            problems.append(found)
            continue
        key, place = found["key"], (found.start(), len(found.group()))
        kind = OPTIONS[role].get(key)
        if kind is None:
            problems.append(OptionProblem(*place, *_unknown(role, key)))
            continue
        if key in options:
            problems.append(OptionProblem(*place, f"`{key}` stands twice", "keep one of them"))
            continue
        value = next((v for v in found.group("double", "single", "bare") if v is not None), None)
        wrong = _wrong_value(role, key, kind, value)
        if wrong is None:
            options[key] = "true" if value is None else _normal(kind, value)
        else:
            code, message, hint = wrong
            problems.append(OptionProblem(*place, message, hint, code))
    return options, problems


def _options(text: str) -> Iterator[re.Match[str] | OptionProblem]:
    position = 0
    while True:
        position += len(text[position:]) - len(text[position:].lstrip())
        if position == len(text):
            return
        found = _OPTION.match(text, position)
        if found is None:
            rest = text[position:].rstrip()
            yield OptionProblem(
                position,
                len(rest),
                f"`{rest}` is no option",
                "options are written key=value; quote a value that holds blanks or quotes",
            )
            return
        yield found
        position = found.end()


def _unknown(role: Role, key: str) -> tuple[str, str]:
    known = OPTIONS[role]
    near = difflib.get_close_matches(key.lower(), known, n=1)
    if near:
        hint = f"did you mean `{near[0]}`?"
    elif known:
        hint = f"`{role}` knows {', '.join(f'`{name}`' for name in known)}"
    else:
        hint = f"`{role}` takes no options; a comment for people goes on a line of its own"
    return f"`{key}` is no option of `{role}`", hint


def _wrong_value(
    role: Role, key: str, kind: Kind, value: str | None
) -> tuple[str, str, str] | None:
    if kind is Kind.FLAG:
        if value is None:
            return None
        return "NBF116", f"`{key}` takes no value", f"write `# nbfed: {role} {key}`"
    hint = f"`{key}=` takes {kind.value}"
    if not value:
        return "NBF116", f"`{key}` has no value", hint
    items = _items(value)
    if kind is Kind.NAME and not _is_name(value):
        return "NBF116", f"`{value}` is not a name", hint
    if kind is Kind.NAMES:
        wrong = next((item for item in items if not _is_name(item)), None)
        if wrong is not None:
            return "NBF116", f"`{wrong}` is not a name", hint
        twice = next((item for item in items if items.count(item) > 1), None)
        if twice is not None:
            code = "NBF308" if key == "metrics" else "NBF116"
            return code, f"`{twice}` stands twice in `{key}`", "name each once"
    if kind is Kind.CALL and not _is_call(value):
        return "NBF116", f"`{value}` is not a call", f'for example {key}="fit(model, loader)"'
    if kind is Kind.PATTERNS and not all(_PATTERN.match(item) for item in items):
        return "NBF116", f"`{value}` is no pattern of names", hint
    return None


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",")]


def _normal(kind: Kind, value: str) -> str:
    return value.strip() if kind is Kind.CALL else ",".join(_items(value))


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _is_call(text: str) -> bool:
    tree = parse(text.strip())
    if isinstance(tree, SyntaxProblem) or len(tree.body) != 1:
        return False
    statement = tree.body[0]
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
