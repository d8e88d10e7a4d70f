"""Sizes that the data give a model: computed at the sites, and told to the server."""

from __future__ import annotations

import pytest

from nbfed.plan import plan
from nbfed.program import Origin, Program

from .notebooks import notebook

HEAD = "# %%\nimport os\nimport torch\nfrom torch import nn\n"
DATA = "# %% data\nnames = os.listdir('d')\nx, y = torch.load('rows.pt')\nloader = [(x, y)]\n"
TRAIN = "# %% train\nfor rows, labels in loader:\n    model(rows).sum().backward()\n"


def planned(cells: str, data: str = DATA) -> tuple[Program | None, set[str]]:
    program, problems = plan(*notebook(HEAD + data + cells + TRAIN), {})
    return program, {found.code for found in problems}


def body(program: Program) -> str:
    return "\n".join(part.text for part in program.data.body)


@pytest.mark.parametrize(
    ("cells", "sizes"),
    [
        pytest.param(
            "# %%\nn = len(names)\n# %% model\nmodel = nn.Linear(8, n)\n", {"n"}, id="a name"
        ),
        pytest.param(
            "# %% model\nn = len(names)\nmodel = nn.Linear(8, n)\n", {"n"}, id="with the model"
        ),
        pytest.param(
            "# %% model\nmodel = nn.Linear(x.shape[1], len(names) + 1)\n",
            {"x_shape_1", "len_names_1"},
            id="expressions",
        ),
        pytest.param(
            "# %% model\nclass Net(nn.Module):\n    def __init__(self):\n"
            "        super().__init__()\n        self.out = nn.Linear(8, len(names))\n"
            "    def forward(self, rows):\n        return self.out(rows)\nmodel = Net()\n",
            {"len_names"},
            id="in a class",
        ),
    ],
)
def test_a_number_of_the_data_is_computed_with_them(cells: str, sizes: set[str]) -> None:
    program, codes = planned(cells)
    assert program is not None
    assert "NBF334" in codes
    assert set(program.sizes) == sizes
    assert {each.origin for each in program.model.arguments} == {Origin.DATA}
    assert {each.annotation for each in program.model.arguments} == {"int"}
    assert sizes <= set(program.data.results)
    # The server knows them as parameters, once a site has told them.
    assert {(item.name, item.default) for item in program.params} == {(n, "0") for n in sizes}
    model = "\n".join(part.text for part in (*program.model.module, *program.model.body))
    assert "names" not in model.replace("len_names", "")
    assert "listdir" in body(program)


@pytest.mark.parametrize("name", ["vocab_size", "n_classes", "num_features", "in_dim", "nclasses"])
def test_a_number_is_known_by_its_name(name: str) -> None:
    data = DATA.replace("x, y =", f"{name}, x, y =")
    program, _ = planned(f"# %% model\nmodel = nn.Linear(8, {name})\n", data)
    assert program is not None
    assert program.sizes == (name,)


@pytest.mark.parametrize("needed", ["names", "x.mean(0)", "x.shape[1:]", "weights"])
def test_what_is_no_number_stays_at_its_site(needed: str) -> None:
    data = DATA.replace("x, y =", "weights, x, y =")
    program, codes = planned(f"# %% model\nmodel = nn.Linear(8, {needed})\n", data)
    assert program is None
    assert "NBF314" in codes


def test_names_of_a_function_s_own_are_not_the_data() -> None:
    # `x` is the function's argument, though the data are called `x` too.
    train = (
        "# %% model\nmodel = nn.Linear(8, 2)\n# %%\ndef wide(x):\n    return len(x) * x.shape[1]\n"
        "# %% train\nfor rows, labels in loader:\n    wide(rows)\n"
        "    model(rows).sum().backward()\n"
    )
    program, problems = plan(*notebook(HEAD + DATA + train), {})
    assert program is not None
    assert not program.sizes
    assert any("len(x) * x.shape[1]" in part.text for part in program.train.module)
    assert "NBF334" not in {found.code for found in problems}


def test_training_uses_the_same_number() -> None:
    cells = "# %% model\nn = len(names)\nmodel = nn.Linear(8, n)\n"
    train = TRAIN.replace("model(rows)", "model(rows)[:, n - 1]")
    program, _ = plan(*notebook(HEAD + DATA + cells + train), {})
    assert program is not None
    assert program.sizes == ("n",)
    assert not any("listdir" in part.text for part in program.train.body)


def test_with_data_of_the_server_s_own_the_number_has_to_be_given() -> None:
    cells = (
        "# %% data server=true\npublic = torch.load('public.pt')\n"
        "# %% model\nmodel = nn.Linear(8, len(names))\n"
        "# %% evaluate\nscore = float(model(public).mean())\n"
    )
    program, codes = planned(cells)
    assert program is None
    assert "NBF314" in codes
    program, _ = plan(*notebook(HEAD + DATA + cells + TRAIN), {}, {"len_names": 2})
    assert program is not None
