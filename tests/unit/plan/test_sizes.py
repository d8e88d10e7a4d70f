"""A size that the model has from the data comes from federation.yaml, where that gives it."""

from __future__ import annotations

import re

import pytest

from nbfed.plan import plan

from .notebooks import notebook

HEAD = "# %%\nimport os\nimport torch\nfrom torch import nn\n"
DATA = "# %% data\nnames = os.listdir('d')\nx, y = torch.load('rows.pt')\nloader = [(x, y)]\n"
TRAIN = "# %% train\nfor rows, labels in loader:\n    model(rows).sum().backward()\n"

MARKED = "# %% params\nn = len(names)\n"
GIVEN = [
    pytest.param("# %%\nn = len(names)\n", "8, n", {"n": 3}, id="unmarked"),
    pytest.param("# %% params\nn = len(names)\n", "8, n", {"n": 3}, id="marked"),
    pytest.param("# %% data\nn = y.unique().numel()\n", "8, n", {"n": 3}, id="among the data"),
    pytest.param(
        "",
        "x.shape[1], len(names) + 1",
        {"x_shape_1": 8, "len_names_1": 4},
        id="expressions",
    ),
    pytest.param("", "8, len(set(y.tolist()))", {"len_set_y_tolist": 3}, id="calls in a call"),
]


@pytest.mark.parametrize(("cell", "sizes", "given"), GIVEN)
def test_the_hint_names_the_line_that_settles_it(
    cell: str, sizes: str, given: dict[str, int]
) -> None:
    book = notebook(f"{HEAD}{DATA}{cell}# %% model\nmodel = nn.Linear({sizes})\n{TRAIN}")
    program, problems = plan(*book, {})
    # Whoever makes it a parameter has to give it; what else counts the data is told by a site.
    assert (program is None) is (cell == MARKED)
    hints = " ".join(found.hint for found in problems)
    assert set(re.findall(r"(\w+): 6", hints)) == set(given)
    program, _ = plan(*book, {}, given)
    assert program is not None
    assert {item.name: (item.annotation, item.default) for item in program.params} == {
        name: ("int", str(value)) for name, value in given.items()
    }
    assert {argument.name for argument in program.model.arguments} == set(given)
    assert not any(re.search(r"\bnames\b", part.text) for part in program.model.body)


@pytest.mark.parametrize(
    ("cell", "sizes"),
    [
        ("CLASSES = ['a', 'b']", "8, len(CLASSES)"),
        ("codes = {'a': 0, 'b': 3}", "8, max(codes.values()) + 1"),
        ("CLASSES = ['a', 'b']\nindex = {c: i for i, c in enumerate(CLASSES)}", "8, len(index)"),
        ("n = len(['a', 'b'])", "8, n"),
    ],
)
@pytest.mark.parametrize("role", ["", "data", "params"])
def test_what_literals_tell_needs_no_value(role: str, cell: str, sizes: str) -> None:
    text = f"{HEAD}# %% {role}\n{cell}\n{DATA}# %% model\nmodel = nn.Linear({sizes})\n{TRAIN}"
    program, _ = plan(*notebook(text), {})
    assert program is not None
    assert not any("listdir" in part.text for part in program.model.body)


def test_the_model_of_a_class_has_its_sizes_too() -> None:
    model = (
        "# %% model\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.größe = nn.Linear(x.shape[1], 2)\n    def forward(self, rows):\n"
        "        return self.größe(rows)\nmodel = Net()\n"
    )
    program, _ = plan(*notebook(HEAD + DATA + model + TRAIN), {}, {"x_shape_1": 8})
    assert program is not None
    assert "self.größe = nn.Linear(x_shape_1, 2)" in program.model.body[0].text
