"""Source text: moving it left, cutting pieces out of it, finding places in it."""

from __future__ import annotations

import ast
import io
import tokenize


def lines_inside_strings(text: str) -> frozenset[int]:
    """1-based numbers of the lines that begin inside a multi-line string."""
    inside: set[int] = set()
    starts: list[int] = []
    # From Python 3.12 on, an f-string is several tokens.
    fstring_start = getattr(tokenize, "FSTRING_START", -1)
    fstring_end = getattr(tokenize, "FSTRING_END", -1)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
            if token.type == tokenize.STRING:
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
            elif token.type == fstring_start:
                starts.append(token.start[0])
            elif token.type == fstring_end and starts:
                inside.update(range(starts.pop() + 1, token.end[0] + 1))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return frozenset(inside)
    return frozenset(inside)


def dedented(text: str, columns: int) -> str:
    """``text`` moved left by ``columns``, except lines that begin inside a string."""
    if not columns:
        return text
    first, _, _ = text.partition("\n")
    # An `if` makes the indented lines tokenize; it adds one line above them.
    inside = {number - 1 for number in lines_inside_strings(f"if 1:\n{text}")}
    if not first.strip():
        inside.discard(1)
    return "\n".join(
        line if number in inside else line[min(columns, len(line) - len(line.lstrip())) :]
        for number, line in enumerate(text.split("\n"), 1)
    )


def indented(text: str, columns: int) -> str:
    """``text`` moved right by ``columns``, except lines that begin inside a string."""
    inside = lines_inside_strings(text)
    pad = " " * columns
    return "\n".join(
        line if number in inside or not line.strip() else pad + line
        for number, line in enumerate(text.split("\n"), 1)
    )


def column_of(line: str, byte_offset: int) -> int:
    """1-based column of a byte offset, as ``ast`` counts them, in ``line``."""
    return len(line.encode()[:byte_offset].decode(errors="ignore")) + 1


def segment(lines: list[str], node: ast.AST) -> str:
    """The source of ``node``, an expression or statement, from the cell's ``lines``."""
    first = getattr(node, "lineno", 1) - 1
    last = (getattr(node, "end_lineno", None) or first + 1) - 1
    start = column_of(lines[first], getattr(node, "col_offset", 0)) - 1
    end = column_of(lines[last], getattr(node, "end_col_offset", 0)) - 1
    if first == last:
        return lines[first][start:end]
    return "\n".join([lines[first][start:], *lines[first + 1 : last], lines[last][:end]])
