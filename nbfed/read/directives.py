"""Directive comments: ``# nbfed: train metrics=loss``, and what merely looks like one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nbfed.diagnostics import Diagnostic, Location, diagnostic
from nbfed.read.cells import Cell
from nbfed.read.options import parse_options
from nbfed.read.pip_lines import parse_requirement
from nbfed.read.placement import Comment, comments
from nbfed.roles import Role

_DIRECTIVE = re.compile(r"#\s*\|?\s*nbfed:\s*(?P<word>[^\s=]*)(?P<rest>.*)", re.DOTALL)
_ALMOST = re.compile(
    r"#+\s*\|?\s*(?P<name>nb[-_ ]?fed|[a-z]{3,7}(?=\s*:))(?P<colon>\s*[:=;-])?\s+?(?P<text>.*)"
    r"|#+\s*\|?\s*(?P<tight_name>nb[-_ ]?fed)[:=;-](?P<tight>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ALIKE = 0.75
_REQUIRES = "requires"
_WORDS = (*(str(role) for role in Role), _REQUIRES)
_OTHER_WORDS = {
    **dict.fromkeys(("config", "parameters", "hyperparameters", "settings"), "params"),
    **dict.fromkeys(("test", "validate", "validation", "eval", "metrics"), "evaluate"),
    **dict.fromkeys(("dataset", "dataloader", "loader", "load"), "data"),
    **dict.fromkeys(("net", "network"), "model"),
    **dict.fromkeys(("fit", "training"), "train"),
    **dict.fromkeys(("aggregation", "aggregate", "server"), "strategy"),
    **dict.fromkeys(("ignore", "exclude", "plot"), "skip"),
    **dict.fromkeys(("paths", "local", "private", "hospital"), "site"),
    **dict.fromkeys(("imports", "shared", "utils", "common"), "include"),
    **dict.fromkeys(("require", "requirements", "install"), _REQUIRES),
}


@dataclass(frozen=True)
class Directive:
    """A directive that stands where one can, on 1-based ``line``.

    ``requirement`` is set, and ``role`` is None, for ``requires``. ``at_head`` tells that no
    code comes before it in its cell.
    """

    line: int
    role: Role | None
    at_head: bool
    options: Mapping[str, str] = field(default_factory=dict)
    requirement: str = ""


def find_directives(file: str, cell: Cell) -> tuple[list[Directive], list[Diagnostic]]:
    """The directives of a code cell in order, and the comments that fail to be one."""
    directives: list[Directive] = []
    problems: list[Diagnostic] = []
    for comment in comments(cell, _is_ours):
        for found in _read(comment):
            if isinstance(found, Directive):
                directives.append(found)
            else:
                problems.append(found.diagnostic(file, cell, comment))
    return directives, problems


def required(cell: Cell) -> list[tuple[int, str]]:
    """Line and requirement of each ``# nbfed: requires`` in a cell of any kind."""
    if cell.kind != "code" or _REQUIRES not in cell.source:
        return []
    found, _ = find_directives("", cell)
    return [(each.line, each.requirement) for each in found if each.requirement]


def nearest_role(word: str) -> str | None:
    """The word of the language that was probably meant."""
    lower = word.lower().strip(":.,;")
    if lower in _WORDS:
        return lower
    if lower in _OTHER_WORDS:
        return _OTHER_WORDS[lower]
    near = difflib.get_close_matches(lower, [*_WORDS, *_OTHER_WORDS], n=1, cutoff=0.7)
    return _OTHER_WORDS.get(near[0], near[0]) if near else None


@dataclass(frozen=True)
class _Problem:
    code: str
    message: str
    hint: str
    start: int = 0
    length: int = 0

    def diagnostic(self, file: str, cell: Cell, comment: Comment) -> Diagnostic:
        return diagnostic(
            self.code,
            Location(file, cell.index, comment.line, comment.column + self.start),
            self.message,
            self.hint,
            length=self.length or len(comment.text),
        )


def _is_ours(text: str) -> bool:
    return bool(_DIRECTIVE.match(text) or _almost(text))


def _read(comment: Comment) -> Iterator[Directive | _Problem]:
    found = _DIRECTIVE.match(comment.text)
    if found is None:
        almost = _almost(comment.text)
        if almost:
            yield _Problem("NBF115", "this comment is almost a directive", f"write `{almost}`")
        return
    word, rest = found["word"], found["rest"]
    if comment.misplaced:
        yield _Problem("NBF114", f"no directive can stand {comment.misplaced}", comment.remedy)
    elif word == _REQUIRES:
        yield from _requires(comment, rest.strip())
    elif word in _WORDS:
        role = Role(word)
        options, problems = parse_options(role, rest)
        for each in problems:
            start = found.start("rest") + each.start
            yield _Problem(each.code, each.message, each.hint, start, each.length)
        yield Directive(comment.line, role, comment.at_head, options)
    else:
        yield _unknown(word, found.start("word"))


def _requires(comment: Comment, text: str) -> Iterator[Directive | _Problem]:
    whole = parse_requirement(text)
    for part in [text] if whole or not text else text.split():
        requirement = parse_requirement(part)
        if requirement:
            yield Directive(comment.line, None, comment.at_head, requirement=requirement)
        else:
            yield _Problem(
                "NBF121",
                f"`{part}` is no requirement" if part else "`requires` names no requirement",
                "for example `# nbfed: requires scikit-image>=0.22`",
            )


def _unknown(word: str, start: int) -> _Problem:
    near = nearest_role(word)
    known = ", ".join(_WORDS)
    hint = f"did you mean `# nbfed: {near}`?" if near else f"the roles are {known}"
    message = f"`{word}` is no role" if word else "no role follows `nbfed:`"
    return _Problem("NBF112", message, hint, start, max(len(word), 1))


def _almost(text: str) -> str | None:
    """The directive that a comment was probably meant to be."""
    found = _ALMOST.match(text)
    if found is None:
        return None
    name = (found["name"] or found["tight_name"]).lower()
    if difflib.SequenceMatcher(None, name, "nbfed").ratio() < _ALIKE:
        return None
    words = (found["text"] or found["tight"] or "").lstrip(" :=;-").split()
    if not words:
        return None
    word = words[0].lower().strip(":.,;")
    close = difflib.get_close_matches(word, _WORDS, n=1, cutoff=0.85)
    if not close:
        return None
    # Prose about nbfed is no mistake: a directive is a role and options, nothing else.
    if close[0] != _REQUIRES and not all("=" in rest for rest in words[1:]):
        return None
    return " ".join(["# nbfed:", close[0], *words[1:]])
