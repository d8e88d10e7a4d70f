"""Recognise IPython's own syntax in a line that begins a statement."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbfed.read.cells import SyntaxProblem
from nbfed.read.lines import LineScanner
from nbfed.read.parsing import parse

# Magics that run the statement given to them: letters of their options, and of those with a value.
_STATEMENT_MAGICS = {"time": ("", ""), "prun": ("qrlsTD", "lsTD")}

# Cell magics that run the cell's body as Python.
BODY_MAGICS = frozenset(
    {
        *("time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "snakeviz", "scalene"),
        *("debug", "notify", "wandb", "heat", "local", "opts", "output", "pyinstrument"),
    }
)
SHELL_BODIES = frozenset({"bash", "sh", "!", "sx", "system", "script", "shell"})
_AUTOMAGICS = frozenset(
    {
        *("pip", "conda", "mamba", "uv", "cd", "ls", "ll", "mkdir", "rmdir", "rm", "cp", "mv"),
        *("cat", "less", "more", "man", "pwd", "matplotlib", "pylab", "load_ext", "time"),
        *("reload_ext", "autoreload", "config", "env", "set_env", "run", "timeit", "load"),
        *("who", "whos", "history", "pinfo", "pdoc", "store", "watermark", "tensorboard"),
    }
)
_MAGIC = re.compile(r"(%{1,2})\s*(!|[\w.]*)")
_WORDS = re.compile(r"([A-Za-z_]\w*)[ \t]+\S")
_TARGET = r"\*?[^\W\d]\w*(?:\.[^\W\d]\w*|\[[^\]]*\])*"
_ASSIGNED = re.compile(
    rf"(?P<targets>{_TARGET}(?:\s*,\s*{_TARGET})*\s*,?)\s*=\s*(?P<command>[!%](?!=).*)", re.DOTALL
)
_HELP = re.compile(r"[\w\])*]\s*\?{1,2}\s*;?\s*\Z")
_OPTION = re.compile(r"-(\w)\s*")


@dataclass(frozen=True)
class Magic:
    """A line in IPython's syntax: what it is, and what stays of it as Python.

    ``keeps`` is a statement to put in its place; ``binds`` the targets that it assigns.
    """

    name: str
    keeps: str = ""
    binds: str = ""


def recognise(line: str) -> Magic | None:
    """What IPython would make of a line that begins a statement; None for plain Python."""
    text = line.strip()
    if text.startswith("!"):
        return Magic("!")
    if text.startswith("?"):
        return Magic("?")
    if text.startswith("%"):
        return _percent(text)
    assigned = _ASSIGNED.match(text)
    if assigned:
        return _assignment(assigned)
    if text.endswith(("?", "?;")) and _is_help(text):
        return Magic("?")
    return _automagic(text)


def cell_magic(line: str) -> str | None:
    """The name of the cell magic that a cell's first line is, without its ``%%``."""
    found = _MAGIC.match(line)
    return found.group(2) if found and found.group(1) == "%%" else None


def _percent(text: str) -> Magic:
    found = _MAGIC.match(text)
    if found is None:  # unreachable while the pattern's name may be empty
        return Magic("%")
    percent, name = found.groups()
    rest = text[found.end() :].strip()
    if percent == "%" and name in _STATEMENT_MAGICS:
        return Magic(f"%{name}", keeps=_without_options(rest, *_STATEMENT_MAGICS[name]))
    return Magic(percent + name)


def _without_options(text: str, letters: str, with_value: str) -> str:
    option = _OPTION.match(text)
    while option and option.group(1) in letters:
        text = text[option.end() :]
        if option.group(1) in with_value:
            text = text.partition(" ")[2].lstrip()
        option = _OPTION.match(text)
    return text


def _assignment(assigned: re.Match[str]) -> Magic:
    command = assigned["command"]
    found = _MAGIC.match(command)
    name = "!" if found is None else "".join(found.groups())
    return Magic(name, binds=assigned["targets"].strip())


def _is_help(text: str) -> bool:
    scanner = LineScanner()
    comment = scanner.feed(text).comment
    return comment is None and scanner.at_statement_start and bool(_HELP.search(text))


def _automagic(text: str) -> Magic | None:
    words = _WORDS.match(text)
    if words is None or words.group(1) not in _AUTOMAGICS:
        return None
    if not isinstance(parse(text.rstrip("\\")), SyntaxProblem):
        return None
    return _percent(f"%{text}")
