"""Directive comments: where they can stand, and what merely looks like one."""

from __future__ import annotations

import pytest

from nbfed.read.directives import find_directives, nearest_role
from tests.unit.notebooks import places, read

MARKS = [
    pytest.param("# nbfed: train\nx", [(1, "train", True)], id="head"),
    pytest.param("#nbfed:train\nx", [(1, "train", True)], id="tight"),
    pytest.param("#| nbfed: train\nx", [(1, "train", True)], id="quarto"),
    pytest.param("# | nbfed: train\nx", [(1, "train", True)], id="black"),
    pytest.param("# note\n\n# nbfed: train\nx", [(3, "train", True)], id="after comments"),
    pytest.param("%%time\n# nbfed: train\nx", [(2, "train", True)], id="after a cell magic"),
    pytest.param("# nbfed: train\n%%time\nx", [(1, "train", True)], id="before a cell magic"),
    pytest.param("%load_ext a\n# nbfed: data\nx", [(2, "data", True)], id="after a line magic"),
    pytest.param("%%bash\n# nbfed: data\nls", [(2, "data", True)], id="in a shell cell"),
    pytest.param(
        "# nbfed: params\nx = 1\n# nbfed: train\ny = 2",
        [(1, "params", True), (3, "train", False)],
        id="two regions",
    ),
    pytest.param("'''doc'''\n# nbfed: train\nx", [(2, "train", False)], id="after a docstring"),
    pytest.param("for x in y:\n  z\n# nbfed: data\nw", [(3, "data", False)], id="after a block"),
    pytest.param("x = 1\n# nbfed: data\n", [(2, "data", False)], id="at the end"),
    pytest.param("s = '''\n# nbfed: train\n'''", [], id="in a string"),
    pytest.param("s = '# nbfed: train'", [], id="in a short string"),
    pytest.param("# nbfed: train\nlr = ", [(1, "train", True)], id="in a broken cell"),
    pytest.param("lr = \n# nbfed: train\nx", [(2, "train", False)], id="later in a broken cell"),
    pytest.param("# about nbfed: it compiles", [], id="prose"),
    pytest.param("# nbfed turns this into packages", [], id="prose about nbfed"),
    pytest.param("# nbfed data go to each site", [], id="prose that begins with a role"),
    pytest.param("# TODO: train\n# note: data\n# see: model", [], id="other tools' comments"),
    pytest.param("x # y # nbfed: train", [], id="comment in a comment"),
]


@pytest.mark.parametrize(("source", "marks"), MARKS)
def test_where_a_directive_stands(source, marks):
    directives, problems = find_directives("a.ipynb", read("x", source).cell(2))
    assert [(found.line, found.role, found.at_head) for found in directives] == marks
    assert problems == []


WRONG = [
    pytest.param("# nbfed: tran\nx", "NBF112", 1, 10, "`# nbfed: train`", id="misspelt"),
    pytest.param("# nbfed: Train\nx", "NBF112", 1, 10, "`# nbfed: train`", id="upper case"),
    pytest.param("# nbfed: test\nx", "NBF112", 1, 10, "`# nbfed: evaluate`", id="other word"),
    pytest.param("# nbfed: xyzzy\nx", "NBF112", 1, 10, "the roles are params", id="no idea"),
    pytest.param("# nbfed:\nx", "NBF112", 1, 9, "the roles are", id="no role"),
    pytest.param("# nbfed: train: a=b\nx", "NBF112", 1, 10, "`# nbfed: train`", id="two colons"),
    pytest.param("#  nbfed:  train nme=f\nx", "NBF116", 1, 18, "`name`", id="option"),
    pytest.param("x = 1  # nbfed: train", "NBF114", 1, 8, "line of its own", id="behind code"),
    pytest.param("for x in y:\n  # nbfed: train\n  z", "NBF114", 2, 3, "margin", id="indented"),
    pytest.param("for x in y:\n  a\n# nbfed: data\n  z", "NBF114", 3, 1, "above", id="in block"),
    pytest.param("if x:\n  a\n# nbfed: data\nelse:\n  b", "NBF114", 3, 1, "above", id="else"),
    pytest.param("@a\n# nbfed: data\ndef f(): pass", "NBF114", 2, 1, "above", id="decorated"),
    pytest.param("f(\n# nbfed: train\n)", "NBF114", 2, 1, "above", id="in brackets"),
    pytest.param("if x:\n  a =\n# nbfed: data\n  b", "NBF114", 3, 1, "above", id="broken block"),
    pytest.param("# nbfed train\nx", "NBF115", 1, 1, "`# nbfed: train`", id="no colon"),
    pytest.param("#nbfed train name=f", "NBF115", 1, 1, "`# nbfed: train name=f`", id="option too"),
    pytest.param("# NBFED: train", "NBF115", 1, 1, "`# nbfed: train`", id="capitals"),
    pytest.param("# nbfed : train", "NBF115", 1, 1, "`# nbfed: train`", id="blank before colon"),
    pytest.param("# nbfed=train", "NBF115", 1, 1, "`# nbfed: train`", id="equals sign"),
    pytest.param("## nbfed: train", "NBF115", 1, 1, "`# nbfed: train`", id="two hashes"),
    pytest.param("# nb-fed: train", "NBF115", 1, 1, "`# nbfed: train`", id="hyphen"),
    pytest.param("# nbfd: train", "NBF115", 1, 1, "`# nbfed: train`", id="misspelt name"),
    pytest.param("if x:\n  y # nbfed train", "NBF115", 2, 5, "`# nbfed: train`", id="anywhere"),
    pytest.param("# nbfed requires a>=1", "NBF115", 1, 1, "`# nbfed: requires a>=1`", id="req"),
    pytest.param("# nbfed: requires ./a", "NBF121", 1, 1, "for example", id="a folder"),
    pytest.param("# nbfed: requires", "NBF121", 1, 1, "for example", id="nothing required"),
    pytest.param("x # nbfed: requires a", "NBF114", 1, 3, "line of its own", id="req behind code"),
]


@pytest.mark.parametrize(("source", "code", "line", "column", "hint"), WRONG)
def test_what_looks_like_a_directive_is_never_silent(source, code, line, column, hint):
    _, problems = find_directives("a.ipynb", read("x", source).cell(2))
    assert places(problems) == [(code, 2, line, column)]
    assert hint in problems[0].hint


@pytest.mark.parametrize(
    ("text", "requirements"),
    [
        ("scikit-image>=0.22", ["scikit-image>=0.22"]),
        ("a >= 1, < 2", ["a<2,>=1"]),
        ("a b>=1", ["a", "b>=1"]),
        ("a[x, y]", ["a[x,y]"]),
    ],
)
def test_requires_names_distributions_and_gives_no_role(text, requirements):
    cell = read(f"# nbfed: requires {text}\nx = 1").cell(1)
    directives, problems = find_directives("a.ipynb", cell)
    assert [found.requirement for found in directives] == requirements
    assert {found.role for found in directives} == {None}
    assert problems == []


@pytest.mark.parametrize(
    ("word", "role"),
    [("train", "train"), ("trian", "train"), ("Validate", "evaluate"), ("parameter", "params"),
     ("modell", "model"), ("dataset", "data"), ("sites", "site"), ("qqq", None), ("", None)],
)  # fmt: skip
def test_the_nearest_role(word, role):
    assert nearest_role(word) == role
