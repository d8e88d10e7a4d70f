"""Regions of a notebook, and what is wrong with its marking."""

from __future__ import annotations

import pytest

from nbfed.read.regions import find_regions
from nbfed.roles import Region
from tests.unit.notebooks import code, codes, markdown, places, read

REST = ("# nbfed: data\nx = 1", "# nbfed: model\nm = 1", "# nbfed: train\nt = 1")


def layout(*cells: object) -> list[tuple[int, int, int, str | None]]:
    regions, _ = find_regions(read(*cells))
    return [(each.cell, each.first_line, each.last_line, each.role) for each in regions]


def problems(*cells: object):
    return find_regions(read(*cells))[1]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        pytest.param("x = 1\ny = 2", [(1, 1, 2, None)], id="unmarked"),
        pytest.param("\n# x", [(1, 1, 2, None)], id="no code"),
        pytest.param("# nbfed: train\nx", [(1, 1, 2, "train")], id="head"),
        pytest.param("# a\n%%time\n# nbfed: train\nx", [(1, 1, 4, "train")], id="below comments"),
        pytest.param(
            "# nbfed: params\nx = 1\n\n# note\n# nbfed: train\ny = 1\n# end",
            [(1, 1, 4, "params"), (1, 5, 7, "train")],
            id="two regions",
        ),
        pytest.param(
            "x = 1\n# nbfed: train\ny", [(1, 1, 1, None), (1, 2, 3, "train")], id="later only"
        ),
        pytest.param(code("x = 1\ny", "nbfed:data"), [(1, 1, 2, "data")], id="tag"),
        pytest.param(code("x = 1", "parameters"), [(1, 1, 1, "params")], id="papermill"),
        pytest.param(
            code("x = 1\n# nbfed: train\ny", "nbfed:data"),
            [(1, 1, 1, "data"), (1, 2, 3, "train")],
            id="tag, then a directive",
        ),
        pytest.param(
            code("# nbfed: site\nx = 1", "parameters"), [(1, 1, 2, "site")], id="over papermill"
        ),
        pytest.param(
            "# nbfed: requires a\nx\n# nbfed: requires b\ny", [(1, 1, 4, None)], id="requires"
        ),
        pytest.param("for x in y:\n    # nbfed: train\n    z", [(1, 1, 3, None)], id="misplaced"),
    ],
)
def test_layout_of_one_cell(cell, expected):
    assert layout(cell) == expected


def test_markdown_cells_have_no_regions():
    assert layout(markdown("# nbfed: train"), "x") == [(2, 1, 1, None)]


def test_options_go_with_their_region():
    source = "# nbfed: train metrics=loss\n# nbfed: train name=fit\nx\n# nbfed: model\ny"
    regions, _ = find_regions(read(source))
    assert [each.options for each in regions] == [{"metrics": "loss", "name": "fit"}, {}]


def test_a_complete_marking_has_no_problems():
    assert problems(*REST, "# nbfed: skip", "lr = ", "!mv a b") == []


WRONG = [
    pytest.param(("x",), [("NBF110", 0, 0, 0)], id="nothing marked"),
    pytest.param(REST[:2], [("NBF110", 0, 0, 0)], id="no train"),
    pytest.param(REST[:1], [("NBF110", 0, 0, 0)] * 2, id="no model, no train"),
    pytest.param(
        (*REST, "# nbfed: data\n# nbfed: train\nx"), [("NBF111", 4, 2, 1)], id="two roles at once"
    ),
    pytest.param((*REST, code("x", "nbfed:data", "nbfed:train")), [("NBF111", 4, 0, 0)], id="tags"),
    pytest.param(
        (*REST, code("# a\n# nbfed: data\nx", "nbfed:train")), [("NBF113", 4, 2, 1)], id="disagree"
    ),
    pytest.param((*REST, code("# nbfed: data\nx", "nbfed:data")), [], id="agree"),
    pytest.param((*REST, code("x\n# nbfed: train\ny", "nbfed:data")), [], id="both, apart"),
    pytest.param(
        (*REST, "# nbfed: train name=a\n# nbfed: train name=b\nx"),
        [("NBF116", 4, 2, 1)],
        id="an option twice",
    ),
    pytest.param((*REST, "# nbfed: train"), [("NBF117", 4, 1, 1)], id="empty"),
    pytest.param((*REST, code(" # a", "nbfed:data")), [("NBF117", 4, 1, 1)], id="empty tag"),
    pytest.param(
        (*REST, "x\n# nbfed: train\n# nothing\n# nbfed: data\ny"),
        [("NBF111", 4, 4, 1)],
        id="a region of comments",
    ),
    pytest.param(
        (*REST, "# nbfed: train\n\n# nbfed: include\n!pip install a"),
        [("NBF111", 4, 3, 1), ("NBF117", 4, 1, 1)],
        id="a region of blanks",
    ),
    pytest.param((*REST, "# nbfed: train\nx\n# nbfed: data\n"), [("NBF117", 4, 3, 1)], id="at end"),
    pytest.param((*REST, "# nbfed: include", "# nbfed: skip"), [], id="these may be empty"),
    pytest.param((*REST, "# nbfed: train\nlr = "), [("NBF102", 4, 2, 6)], id="syntax"),
    pytest.param(
        (*REST, "# nbfed: train\nx\n# nbfed: data\nlr = "), [("NBF102", 4, 4, 6)], id="syntax once"
    ),
    pytest.param((*REST, code("%%bash\nls", "nbfed:data")), [("NBF103", 4, 1, 1)], id="shell cell"),
    pytest.param(
        (*REST, "# nbfed: data\nx\n  %run a.py"),
        [("NBF102", 4, 3, 2), ("NBF103", 4, 3, 3)],
        id="odd",
    ),
    pytest.param((*REST, "# nbfed: data\nx\n%run a.py"), [("NBF103", 4, 3, 1)], id="run"),
    pytest.param(
        (*REST, "# nbfed: data\nx\nif y:\n    !unzip a"), [("NBF120", 4, 4, 5)], id="a command"
    ),
    pytest.param((*REST, "# nbfed: data\n%cd a\nx"), [("NBF120", 4, 2, 1)], id="a folder"),
    pytest.param(
        (*REST, "# nbfed: data\n%%time\n!pip install a\n!nvidia-smi\n%matplotlib inline\nx?\nx"),
        [],
        id="harmless magics",
    ),
    pytest.param((*REST, "# nbfed: data\nfiles = !ls"), [], id="left to the slice"),
    pytest.param((*REST, "%run a.py\n!mv a b\nlr ="), [], id="unmarked code is not looked at"),
]


@pytest.mark.parametrize(("cells", "expected"), WRONG)
def test_what_is_wrong_with_the_marking(cells, expected):
    assert places(problems(*cells)) == expected


SECTIONS = (
    *(markdown("# Data loading"), "x = 1", markdown("# Model definition"), "m = 1"),
    *(markdown("# Training loop"), "t = 1", markdown("# Results"), "plot"),
)


def test_headings_give_the_roles_of_an_unmarked_notebook():
    assert [role for *_, role in layout(*SECTIONS)] == ["data", "model", "train", None]
    (told,) = problems(*SECTIONS)
    assert told.code == "NBF118"
    assert "data: cell 2; model: cell 4; train: cell 6" in told.message


@pytest.mark.parametrize("mark", ["# nbfed: skip\nx", code("x", "nbfed:skip")])
def test_a_single_mark_turns_headings_off(mark):
    assert [role for *_, role in layout(*SECTIONS, mark)] == [None] * 4 + ["skip"]
    assert codes(problems(*SECTIONS, mark)) == ["NBF110"] * 3


def test_papermills_tag_and_requires_leave_headings_on():
    cells = (code("# nbfed: requires a\nLR = 1", "parameters"), *SECTIONS)
    assert [role for *_, role in layout(*cells)] == ["params", "data", "model", "train", None]


def test_regions_cover_every_code_cell_without_gaps():
    cells = (*REST, "a\n# nbfed: data\nb\n\n# nbfed: train\nc", "", "# nbfed: skip\nd\n")
    notebook = read(*cells)
    covered: dict[int, list[int]] = {}
    for region in find_regions(notebook)[0]:
        assert isinstance(region, Region)
        covered.setdefault(region.cell, []).extend(range(region.first_line, region.last_line + 1))
    assert covered == {
        cell.index: list(range(1, cell.raw.count("\n") + 2)) for cell in notebook.cells
    }
