"""The line scanner, also against the standard library's own tokenizer."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

import pytest

from nbfed.read.lines import scan

STDLIB = Path(tokenize.__file__).parent
FILES = ("ast.py", "argparse.py", "dataclasses.py", "inspect.py", "tokenize.py", "typing.py",
         "textwrap.py", "re/_parser.py", "json/decoder.py", "test/test_grammar.py")  # fmt: skip


@pytest.mark.parametrize("name", [name for name in FILES if (STDLIB / name).exists()])
def test_comments_and_statements_as_tokenize_finds_them(name):
    source = (STDLIB / name).read_text(encoding="utf-8")
    lines = scan(source)
    comments: set[tuple[int, int]] = set()
    strings: set[int] = set()
    statements: set[int] = set()
    at_start = True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments.add(token.start)
        elif token.type == tokenize.NEWLINE:
            at_start = True
        elif token.type not in (
            *(tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
        ):
            if at_start:
                statements.add(token.start[0])
            at_start = False
            if token.type == tokenize.STRING:
                strings.update(range(token.start[0] + 1, token.end[0] + 1))
    found = {
        (number, line.comment) for number, line in enumerate(lines, 1) if line.comment is not None
    }
    assert found == comments
    assert {number for number, line in enumerate(lines, 1) if line.starts_in_string} == strings
    assert all(lines[number - 1].starts_statement for number in statements)


@pytest.mark.parametrize(
    ("source", "starts", "comments"),
    [
        ("a\n(b\nc)\nd", [True, True, False, True], [None] * 4),
        ("'a\nb'", [True, True], [None, None]),
        ("'a\\\nb' # c", [True, False], [None, 3]),
        ('r"\\"" # c', [True], [6]),
        ('"""#\n"#"" """ # c', [True, False], [None, 9]),
        ("a # \\\nb", [True, True], [2, None]),
        ("a + \\\nb", [True, False], [None, None]),
        (")\n]a # b", [True, True], [None, 3]),
    ],
)
def test_small_cases(source, starts, comments):
    lines = scan(source)
    assert [line.starts_statement for line in lines] == starts
    assert [line.comment for line in lines] == comments
