"""Find the requirements in a shell command that installs with pip."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

_SEPARATORS = frozenset({";", "&&", "||", "|", "&", ";;"})
_PIP = re.compile(r"(?:.*/)?pip[\d.]*\Z")
_PYTHON = re.compile(r"(?:.*/)?python[\d.]*\Z|\{sys\.executable\}|\$sys\.executable")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_REDIRECT = re.compile(r"[\d&]*(?:>>?|<)")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_PREFIXES = frozenset({"sudo", "time", "uv", "yes", "exec", "then", "do", "nohup"})
_VALUE_OPTIONS = frozenset(
    {
        *("--requirement", "--constraint", "--editable", "--find-links", "--index-url"),
        *("--extra-index-url", "--target", "--prefix", "--root", "--src", "--platform"),
        *("--python-version", "--implementation", "--abi", "--upgrade-strategy"),
        *("--progress-bar", "--timeout", "--retries", "--trusted-host", "--cache-dir"),
        *("--proxy", "--cert", "--client-cert", "--log", "--no-binary", "--only-binary"),
        *("--config-settings", "--global-option", "--install-option", "--report", "--python"),
    }
)
# Short options stand together, as in `-qr file`: the last letter tells whether a value follows.
_VALUE_LETTERS = frozenset("rcefitdbC")


@dataclass(frozen=True)
class PipRequest:
    """What a command installs: requirements, and arguments that are none (addresses, paths)."""

    requirements: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def parse_pip(command: str) -> PipRequest:
    """The requirements of every ``pip install`` in a shell command, in order."""
    requirements: list[str] = []
    others: list[str] = []
    for words in _commands(command):
        for argument in _arguments(words):
            found = parse_requirement(argument)
            if found is None:
                others.append(argument)
            else:
                requirements.append(found)
    return PipRequest(tuple(requirements), tuple(others))


def parse_requirement(text: str) -> str | None:
    """The requirement in its normal form, or None for anything but a name with versions."""
    try:
        requirement = Requirement(text.strip())
    except InvalidRequirement:
        return None
    return None if requirement.url else str(requirement)


def _commands(command: str) -> Iterator[list[str]]:
    text = _COMMENT.sub("", command)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # a quote that never closes
        words = text.split()
    current: list[str] = []
    for word in words:
        if word in _SEPARATORS:
            yield current
            current = []
        else:
            current.append(word)
    yield current


def _arguments(words: list[str]) -> Iterator[str]:
    rest = iter(_after_install(words))
    for word in rest:
        if _REDIRECT.match(word):
            if word[-1] in "<>":
                next(rest, None)
        elif word.startswith("--"):
            if word in _VALUE_OPTIONS:
                next(rest, None)
        elif word.startswith("-"):
            if word[-1] in _VALUE_LETTERS:
                next(rest, None)
        else:
            yield word


def _after_install(words: list[str]) -> list[str]:
    while words and (words[0] in _PREFIXES or _ASSIGNMENT.match(words[0])):
        words = words[1:]
    if len(words) > 1 and _PYTHON.match(words[0]) and words[1] == "-m":
        words = words[2:]
    if not words or not _PIP.match(words[0]) or "install" not in words:
        return []
    start = words.index("install")
    leading_options = all(word.startswith("-") for word in words[1:start])
    return words[start + 1 :] if leading_options else []
