"""The magic pass: IPython's syntax out, every other line untouched, line for line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbfed.read.cells import SyntaxProblem
from nbfed.read.magics import strip_magics
from nbfed.read.parsing import parse

PLAIN = [
    pytest.param("x = (10\n% 3)", id="modulo at the start of a line"),
    pytest.param('s = """\n%matplotlib inline\n!ls\n"""', id="magic inside a string"),
    pytest.param("print('100 %')  # why?", id="question in a comment"),
    pytest.param("f'{x!r}'\nx != y\ntime = 3", id="exclamation marks of Python"),
    pytest.param("ls\ncd - dir", id="names that are magics too"),
    pytest.param("", id="empty"),
    pytest.param("\n\n", id="blank"),
    pytest.param("x = 1;", id="semicolon"),
]


@pytest.mark.parametrize("source", PLAIN)
def test_plain_python_stays_as_it_is(source):
    assert strip_magics(source).source == source
    assert strip_magics(source).magics == ()


SHELL = "# IPython: a shell command stood here"
HELP = "# IPython: a request for help stood here"
CASES = [
    pytest.param(
        "%matplotlib inline\nx = 1", "# IPython: %matplotlib stood here\nx = 1", id="line"
    ),
    pytest.param("% matplotlib inline", "# IPython: %matplotlib stood here", id="blank after %"),
    pytest.param("!ls\n!!ls", f"{SHELL}\n{SHELL}", id="shell"),
    pytest.param(
        "!pip install a \\\n   b\nx = 1",
        f"{SHELL}\n# IPython: its next line\nx = 1",
        id="continued shell line",
    ),
    pytest.param(
        "if colab:\n    !ls\nelse:\n\tx = 1",
        f"if colab:\n    pass  {SHELL}\nelse:\n\tx = 1",
        id="shell line in a block",
    ),
    pytest.param("%time model = fit(net)", "model = fit(net)", id="timed statement"),
    pytest.param("  %time -x\n  y", "-x\ny", id="no options to time"),
    pytest.param("%prun -l 4 -q f(x)", "f(x)", id="profiled statement"),
    pytest.param("%time !ls", SHELL, id="timed shell line"),
    pytest.param("%time f(a, \\\n  b)", "f(a, \\\n  b)", id="continued timed statement"),
    pytest.param("%timeit f(x)", "# IPython: %timeit stood here", id="timeit binds nothing"),
    pytest.param("%time", "# IPython: %time stood here", id="time of nothing"),
    pytest.param(
        "%%time\n# nbfed: train\nx = 1",
        "# IPython: %%time stood here\n# nbfed: train\nx = 1",
        id="body kept",
    ),
    pytest.param(
        "# nbfed: train\n%%time\nx = 1",
        "# nbfed: train\n# IPython: %%time stood here\nx = 1",
        id="directive before the cell magic",
    ),
    pytest.param(
        "%%capture out\n%%time\n!ls\nx = 1",
        f"# IPython: %%capture stood here\n# IPython: %%time stood here\n{SHELL}\nx = 1",
        id="nested cell magics",
    ),
    pytest.param(
        "%%bash\n# nbfed: skip\nls\n\n# more",
        "# IPython: %%bash stood here\n# nbfed: skip\n# IPython: a line of %%bash\n\n"
        "# IPython: a line of %%bash",
        id="body dropped, its head comments stay",
    ),
    pytest.param("files = !ls", f"files = get_ipython()  {SHELL}", id="result of a command"),
    pytest.param(
        "a, *b = %sx ls",
        f"a, *b = get_ipython()  {SHELL}",
        id="result of a magic, unpacked",
    ),
    pytest.param("model?", HELP, id="help"),
    pytest.param("?model.fit", HELP, id="help in front"),
    pytest.param("np.*load*??", HELP, id="wildcard help"),
    pytest.param("pip install monai", "# IPython: %pip stood here", id="automagic pip"),
    pytest.param("cd data", "# IPython: %cd stood here", id="automagic cd"),
    pytest.param("time x = f()", "x = f()", id="automagic time"),
    pytest.param("    x = 1\n    !ls\n    y", f"x = 1\n{SHELL}\ny", id="indented cell"),
    pytest.param(
        "s = '''it's\n!no\n'''\n!echo 'it\nx = (\n  1)",
        f"s = '''it's\n!no\n'''\n{SHELL}\nx = (\n  1)",
        id="unbalanced quote in a shell line",
    ),
    pytest.param(
        "x = 1 + \\\n  2\n%load_ext a",
        "x = 1 + \\\n  2\n# IPython: %load_ext stood here",
        id="continued",
    ),
]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_magics_become_comments_of_the_same_line(source, expected):
    stripped = strip_magics(source)
    assert stripped.source == expected
    assert not isinstance(parse(stripped.source), SyntaxProblem)


@pytest.mark.parametrize(
    ("source", "name", "lines", "text", "binds"),
    [
        ("x = 1\nfiles = !ls", "!", (2, 2), "files = !ls", ("files",)),
        ("a, (b) = 1\na, *b = %sx ls", "%sx", (2, 2), "a, *b = %sx ls", ("a", "b")),
        ("%run helpers.py", "%run", (1, 1), "%run helpers.py", ()),
        ("!a \\\n b", "!", (1, 2), "!a b", ()),
        ("%%writefile m.py\nx = 1", "%%writefile", (1, 2), "%%writefile m.py\nx = 1", ()),
        ("%%time\nx = 1", "%%time", (1, 1), "%%time", ()),
        ("obj?", "?", (1, 1), "obj?", ()),
    ],
)
def test_what_was_taken_out_is_recorded(source, name, lines, text, binds):
    (magic,) = strip_magics(source).magics
    assert (magic.name, (magic.line, magic.last_line)) == (name, lines)
    assert (magic.text, magic.binds) == (text, binds)


def test_pip_lines_keep_their_line():
    source = "x = 1\n!pip install a\nif colab:\n  %pip install b \\\n   c\nout = !pip install d"
    found = [(line, request.requirements) for line, request in strip_magics(source).pip]
    assert found == [(2, ("a",)), (4, ("b", "c")), (6, ("d",))]


def test_pip_lines_in_a_shell_cell():
    source = "%%bash\nset -e\npip install -q a \\\n  'b>=1'\npip install c"
    found = [(line, request.requirements) for line, request in strip_magics(source).pip]
    assert found == [(3, ("a", "b>=1")), (5, ("c",))]


def test_a_broken_cell_keeps_its_code():
    source = "!ls\nlr = \nprint 'old'"
    assert strip_magics(source).source == f"{SHELL}\nlr = \nprint 'old'"


PIECES = st.sampled_from(
    [
        *("%matplotlib inline", "!ls", "%%bash", "%%time", "%time x = 1", "x = !ls", "obj?", "?"),
        *("if x:", "    !ls", "    y = 2", "\t%cd ..", "x = (", ")", '"""', "'", "\\", "a \\", "#"),
        *("# nbfed: train", "pip install x", "!pip install 'a", "def f():", "é = 'ü'", "\x00"),
        *("%", "!", "%%", "??", "x = %", "\ud800", "\x0c", "f'{x", "[", "}"),
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=12).map("\n".join))
def test_never_raises_and_keeps_the_line_count(source):
    stripped = strip_magics(source)
    assert stripped.source.count("\n") == source.count("\n")
    for magic in stripped.magics:
        assert 1 <= magic.line <= magic.last_line <= source.count("\n") + 1


@given(st.lists(PIECES, max_size=12).map("\n".join))
def test_a_second_pass_changes_nothing_that_parses(source):
    once = strip_magics(source).source
    if not isinstance(parse(once), SyntaxProblem):
        assert strip_magics(once).source == once
