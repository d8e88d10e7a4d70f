"""Take IPython's magics and shell lines out of a cell, line for line.

A cell that is Python already stays as it is. In any other, each magic or shell line becomes a
comment of the same line, so that line numbers never change. The comment says what kind of thing
stood there and nothing more: commands hold tokens, addresses and paths of one machine, and the
comment travels to every site.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbfed.read.cells import MagicLine, SyntaxProblem
from nbfed.read.lines import LineScanner
from nbfed.read.magic_syntax import BODY_MAGICS, SHELL_BODIES, Magic, cell_magic, recognise
from nbfed.read.parsing import parse
from nbfed.read.pip_lines import PipRequest, parse_pip

MARK = "# IPython: "
"""Begins the comment that stands where a magic stood."""

_SHELL = frozenset({"!", "!!", "%!", "%sx", "%system"})
_KINDS = {"?": "a request for help", "%": "a magic"}
_INDENT = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class Stripped:
    """A cell's source as plain Python, and what was taken out of it.

    ``problem`` is why it does not parse even so; ``pip`` holds (1-based line, what it installs)
    in order.
    """

    source: str
    problem: SyntaxProblem | None = None
    magics: tuple[MagicLine, ...] = ()
    pip: tuple[tuple[int, PipRequest], ...] = ()


def strip_magics(source: str) -> Stripped:
    """The same number of lines without IPython's syntax; never raises."""
    if not isinstance(parse(source), SyntaxProblem):
        return Stripped(source)
    work = _Pass(_dedented(source.split("\n")))
    work.run()
    done = "\n".join(work.done)
    parsed = parse(done)
    problem = parsed if isinstance(parsed, SyntaxProblem) else None
    return Stripped(done, problem, tuple(work.magics), tuple(work.pip))


class _Pass:
    """One walk over the lines of a cell; ``done`` grows as far as ``lines`` were read."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.done: list[str] = []
        self.magics: list[MagicLine] = []
        self.pip: list[tuple[int, PipRequest]] = []
        self._scanner = LineScanner()
        self._at_head = True

    def run(self) -> None:
        while len(self.done) < len(self.lines):
            line = self.lines[len(self.done)]
            if self._at_head and self._take_cell_magic(line):
                continue
            if self._scanner.at_statement_start and self._take_line_magic(line):
                continue
            self._at_head = self._at_head and _is_blank(line)
            self._scanner.feed(line)
            self.done.append(line)

    def _take_cell_magic(self, line: str) -> bool:
        name = cell_magic(line)
        if name is None:
            return False
        keeps_body = name in BODY_MAGICS
        first = len(self.done)
        last = self._continued_from(first) if keeps_body else len(self.lines) - 1
        self._record(first, last, Magic(f"%%{name}"))
        if name in SHELL_BODIES:
            self._record_pip_of_body(first + 1)
        self.done.append(_comment(f"%%{name}"))
        in_head = not keeps_body
        for each in self.lines[first + 1 : last + 1]:
            # Comments at the head of the body may be directives: they stay as they are.
            in_head = in_head and _is_blank(each)
            kept = in_head or not each.strip()
            self.done.append(each if kept else f"{MARK}a line of %%{name}")
        return True

    def _take_line_magic(self, line: str) -> bool:
        magic = recognise(line)
        if magic is None:
            return False
        first = len(self.done)
        indent = _indent_of(line)
        if magic.keeps:
            self._record(first, first, magic)
            # What is kept may be a shell line again: `%time !ls`.
            self.lines[first] = indent + magic.keeps
            return True
        last = self._continued_from(first)
        text = self._record(first, last, magic)
        if magic.name in ("!", "!!", "%pip", "%uv", "%sx", "%system"):
            self._record_pip(first + 1, text)
        self.done.append(_replacement(indent, magic))
        self.done += [f"{MARK}its next line"] * (last - first)
        self._at_head = False
        return True

    def _continued_from(self, first: int) -> int:
        last = first
        while self.lines[last].endswith("\\") and last + 1 < len(self.lines):
            last += 1
        return last

    def _record(self, first: int, last: int, magic: Magic) -> str:
        lines = self.lines[first : last + 1]
        joined = " ".join(line.removesuffix("\\").strip() for line in lines)
        text = "\n".join(lines) if magic.name.startswith("%%") else joined
        binds = tuple(name.strip(" *\t") for name in magic.binds.split(",") if name.strip(" *\t"))
        self.magics.append(MagicLine(first + 1, last + 1, magic.name, text, binds))
        return text

    def _record_pip_of_body(self, first: int) -> None:
        index = first
        while index < len(self.lines):
            last = self._continued_from(index)
            lines = self.lines[index : last + 1]
            self._record_pip(index + 1, " ".join(line.removesuffix("\\") for line in lines))
            index = last + 1

    def _record_pip(self, line: int, command: str) -> None:
        shell = re.sub(r"\A[^!%]*=\s*(?=[!%])", "", command).lstrip("!% \t")
        request = parse_pip(re.sub(r"\A(?:sx|system)\s", "", shell))
        if request != PipRequest():
            self.pip.append((line, request))


def _replacement(indent: str, magic: Magic) -> str:
    comment = _comment(magic.name)
    if magic.binds:
        return f"{indent}{magic.binds} = get_ipython()  {comment}"
    # A block needs a statement: `if colab:` may hold nothing but a shell line.
    return f"{indent}pass  {comment}" if indent else comment


def _comment(name: str) -> str:
    if name in _SHELL:
        return f"{MARK}a shell command stood here"
    return f"{MARK}{_KINDS.get(name, name)} stood here"


def _dedented(lines: list[str]) -> list[str]:
    """As IPython does: the first line's indentation is taken off every line that has it."""
    first = next((line for line in lines if line.strip()), "")
    indent = _indent_of(first)
    return [line.removeprefix(indent) for line in lines]


def _indent_of(line: str) -> str:
    found = _INDENT.match(line)
    return found.group() if found else ""


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")
