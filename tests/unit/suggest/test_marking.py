from __future__ import annotations

from nbfed.read.notebook import read_notebook
from nbfed.read.regions import find_regions
from nbfed.roles import Role
from nbfed.suggest.marking import marked_already, proposed_marks, tags_of
from nbfed.suggest.tagging import add_tags
from tests.unit.notebooks import as_bytes, code, markdown, notebook_json, read

TRAIN = "for x in loader:\n    net(x).backward()\n    opt.step()"


def test_certain_cells_get_tags_and_doubtful_ones_do_not() -> None:
    marks = proposed_marks(read("LR = 0.1", "SEED = 1\nimport torch", TRAIN))
    told = [(mark.cell, mark.role, mark.as_tag) for mark in marks]
    assert told == [(1, "params", True), (2, "params", False), (3, "train", True)]
    assert tags_of(marks) == {1: Role.PARAMS, 3: Role.TRAIN}


def test_a_mark_shows_the_line_of_the_cell_as_it_is_written() -> None:
    (mark,) = proposed_marks(read("import torch\n%time loss.backward(); opt.step()"))
    assert (mark.cell, mark.line, mark.code) == (1, 2, "%time loss.backward(); opt.step()")


def test_in_a_cell_with_two_roles_no_tag_says_either() -> None:
    marks = proposed_marks(read(f"loader = DataLoader(rows)\n{TRAIN}"))
    assert {mark.role: mark.as_tag for mark in marks} == {Role.DATA: False, Role.TRAIN: False}


HEADED = (
    markdown("# Data loading"),
    "loader = DataLoader(rows)",
    markdown("# Model definition"),
    "net = nn.Linear(1, 1)",
    markdown("# Training loop"),
    TRAIN,
)


def test_headings_that_give_all_roles_need_no_tags() -> None:
    assert proposed_marks(read(*HEADED)) == ()


def test_what_headings_say_becomes_tags_where_any_tag_is_written() -> None:
    content = as_bytes(notebook_json("LR = 0.1", *HEADED))
    notebook, _ = read_notebook(content, "a.ipynb")
    assert notebook is not None
    before, _ = find_regions(notebook)
    tags = tags_of(proposed_marks(notebook))
    assert tags == {1: "params", 3: "data", 5: "model", 7: "train"}
    tagged, _ = read_notebook(add_tags(content, tags), "a.ipynb")
    assert tagged is not None
    after, _ = find_regions(tagged)
    assert [region.role for region in after][1:] == [region.role for region in before][1:]


def test_what_is_marked_already_is_told_and_left_alone() -> None:
    notebook = read(code("LR = 0.1", "nbfed:params"), TRAIN)
    assert [(region.cell, region.role) for region in marked_already(notebook)] == [(1, "params")]
    assert tags_of(proposed_marks(notebook)) == {2: Role.TRAIN}
