"""Cell tags as roles."""

from __future__ import annotations

import pytest

from nbfed.read.tags import tag_role
from nbfed.roles import Role
from tests.unit.notebooks import code, codes, markdown, read


def of(*tags: str):
    return tag_role("a.ipynb", read(code("x", *tags)).cell(1))


@pytest.mark.parametrize("role", Role)
def test_every_role_has_its_tag(role):
    found, problems = of("important", f"nbfed:{role}")
    assert (found.role, found.ours, problems) == (role, True, [])


@pytest.mark.parametrize(
    ("tags", "role", "ours"),
    [
        ((), None, False),
        (("train", "data", "hide-input", "skip-execution", "remove-cell"), None, False),
        (("parameters",), Role.PARAMS, False),
        (("parameters", "nbfed:site"), Role.SITE, True),
        (("injected-parameters",), None, False),
        (("notnbfed:train",), None, False),
    ],
)
def test_tags_of_other_tools_count_for_nothing(tags, role, ours):
    found, problems = of(*tags)
    assert (found.role, found.ours, problems) == (role, ours, [])


@pytest.mark.parametrize(
    ("tags", "code", "hint"),
    [
        (("nbfed:tran",), "NBF112", "`nbfed:train`"),
        (("nbfed:",), "NBF112", "the tags are `nbfed:params`"),
        (("nbfed:xyzzy",), "NBF112", "the tags are"),
        (("nbfed:train metrics=a",), "NBF112", "`# nbfed: train metrics=a`"),
        (("nbfed:requires a",), "NBF112", "`# nbfed: requires a`"),
        (("nbfed-train",), "NBF115", "`nbfed:train`"),
        (("NBFED:train",), "NBF115", "`nbfed:train`"),
        (("nbfed : test",), "NBF115", "`nbfed:evaluate`"),
        (("nbfed",), "NBF115", "the tags are"),
        (("nbfed:train", "nbfed:data"), "NBF111", "keep one tag"),
    ],
)
def test_wrong_tags_are_told(tags, code, hint):
    _, problems = of(*tags)
    assert codes(problems) == [code]
    assert hint in problems[0].hint


def test_a_markdown_cell_can_have_no_role():
    cell = read(markdown("# Title", "nbfed:train"), "x").cell(1)
    found, problems = tag_role("a.ipynb", cell)
    assert found.role is None
    assert codes(problems) == ["NBF114"]
