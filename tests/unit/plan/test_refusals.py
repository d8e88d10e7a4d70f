"""What cannot be compiled is refused where it stands, and following the hint helps."""

# ruff: noqa: E501 - notebooks on one line
from __future__ import annotations

import pytest

from nbfed.diagnostics import Diagnostic
from nbfed.plan import plan

from .notebooks import notebook

IMPORTS = "# %%\nimport torch\nimport pandas as pd\nfrom torch import nn\n"
DATA = "# %% data\nloader = torch.load('rows.pt')\n"
MODEL = "# %% model\nmodel = nn.Linear(2, 1)\n"
TRAIN = "# %% train\nfor x, y in loader:\n    model(x).sum().backward()\n"
PLAIN = IMPORTS + DATA + MODEL + TRAIN


def errors(text: str) -> list[Diagnostic]:
    program, problems = plan(*notebook(text), {})
    found = [problem for problem in problems if problem.severity == "error"]
    assert (program is None) == bool(found)
    return found


def told(text: str) -> list[tuple[str, int, int]]:
    return [(found.code, found.location.cell, found.location.line) for found in errors(text)]


def test_the_plain_notebook_compiles() -> None:
    assert errors(PLAIN) == []


REFUSED = [
    pytest.param(
        IMPORTS + DATA + MODEL + TRAIN.replace("model(x)", "model(x) * WIDTH"),
        ("NBF201", 4, 2),
        IMPORTS
        + "# %%\nWIDTH = 2\n"
        + DATA
        + MODEL
        + TRAIN.replace("model(x)", "model(x) * WIDTH"),
        id="a name that nothing defines",
    ),
    pytest.param(
        IMPORTS
        + DATA
        + MODEL
        + TRAIN.replace("model(x)", "model(x) * WIDTH")
        + "# %%\nWIDTH = 2\n",
        ("NBF202", 4, 2),
        IMPORTS
        + DATA
        + "# %%\nWIDTH = 2\n"
        + MODEL
        + TRAIN.replace("model(x)", "model(x) * WIDTH"),
        id="a name that is made too late",
    ),
    pytest.param(
        IMPORTS
        + "# %%\ntable = pd.read_csv('a.csv')\n"
        + DATA.replace("'rows.pt'", "table.path")
        + MODEL
        + TRAIN,
        ("NBF203", 2, 1),
        IMPORTS
        + "# %% data\ntable = pd.read_csv('a.csv')\n"
        + DATA.replace("'rows.pt'", "table.path")
        + MODEL
        + TRAIN,
        id="an unmarked statement that reads a file",
    ),
    pytest.param(
        IMPORTS
        + "# %%\nwith open('names.txt') as f:\n    names = f.read()\n"
        + DATA
        + MODEL
        + TRAIN.replace("model(x)", "model(x) * len(names)"),
        ("NBF203", 2, 1),
        IMPORTS
        + "# %% include\nwith open('names.txt') as f:\n    names = f.read()\n"
        + DATA
        + MODEL
        + TRAIN.replace("model(x)", "model(x) * len(names)"),
        id="an unmarked with statement",
    ),
    pytest.param(
        "# %%\nimport torch\nfrom torch.nn import *\n" + DATA + MODEL.replace("nn.", "") + TRAIN,
        ("NBF204", 3, 1),
        "# %%\nimport torch\nfrom torch.nn import Linear\n"
        + DATA
        + MODEL.replace("nn.", "")
        + TRAIN,
        id="a star import",
    ),
    pytest.param(
        IMPORTS + "# %% skip\nWIDTH = 2\n" + DATA + MODEL.replace("2", "WIDTH") + TRAIN,
        ("NBF207", 4, 1),
        IMPORTS + "# %%\nWIDTH = 2\n" + DATA + MODEL.replace("2", "WIDTH") + TRAIN,
        id="a statement marked skip",
    ),
    pytest.param(
        IMPORTS + DATA + MODEL.replace("2", "loader.width") + TRAIN,
        ("NBF314", 3, 1),
        IMPORTS + "# %% params\nWIDTH = 2\n" + DATA + MODEL.replace("2", "WIDTH") + TRAIN,
        id="a model that needs the data",
    ),
    pytest.param(
        IMPORTS + "# %% site\nWIDTH = 2\n" + DATA + MODEL.replace("2", "WIDTH") + TRAIN,
        ("NBF314", 4, 1),
        IMPORTS + "# %% params\nWIDTH = 2\n" + DATA + MODEL.replace("2", "WIDTH") + TRAIN,
        id="a model that differs per site",
    ),
    pytest.param(
        IMPORTS + "# %% params\nN = len(open('a').read())\n" + DATA + MODEL + TRAIN,
        ("NBF302", 2, 1),
        IMPORTS + "# %% params\nN = 3\n" + DATA + MODEL + TRAIN,
        id="a parameter that is no literal",
    ),
    pytest.param(
        PLAIN + "# %% evaluate\nmodel.eval()\nprint(model(loader))\n",
        ("NBF301", 5, 2),
        PLAIN + "# %% evaluate metrics=score\nmodel.eval()\nscore = model(loader)\n",
        id="an evaluation without a number",
    ),
    pytest.param(
        PLAIN + "# %% evaluate metrics=score\nmodel.eval()\nacc = 1.0\n",
        ("NBF301", 5, 1),
        PLAIN + "# %% evaluate metrics=acc\nmodel.eval()\nacc = 1.0\n",
        id="a metric that nothing binds",
    ),
    pytest.param(
        IMPORTS
        + DATA
        + MODEL
        + "# %% train\nfor train, test in kfold.split(loader):\n    model(train).sum().backward()\n",
        ("NBF318", 4, 1),
        IMPORTS
        + "# %% data\nloader = torch.load('rows.pt')\nkfold = torch.load('f')\ntrain, test = next(iter(kfold.split(loader)))\n"
        + MODEL
        + "# %% train\nfor x in train:\n    model(x).sum().backward()\n",
        id="folds",
    ),
    pytest.param(
        IMPORTS
        + "import flwr as fl\n"
        + DATA
        + MODEL
        + "# %% train\nfl.client.start_client(loader, model)\n",
        ("NBF319", 4, 1),
        PLAIN,
        id="federated already",
    ),
    pytest.param(
        IMPORTS + DATA.replace("'rows.pt'", "input('file? ')") + MODEL + TRAIN,
        ("NBF212", 2, 1),
        IMPORTS
        + "# %% site\nFILE = 'rows.pt'\n"
        + DATA.replace("'rows.pt'", "FILE")
        + MODEL
        + TRAIN,
        id="a question to a person",
    ),
    pytest.param(
        IMPORTS + DATA + MODEL + TRAIN + "globals()['a'] = 1\n",
        ("NBF210", 4, 3),
        PLAIN,
        id="globals",
    ),
    pytest.param(
        IMPORTS
        + DATA
        + MODEL
        + "# %%\ndef cool():\n    global model\n    model = None\n"
        + TRAIN
        + "cool()\n",
        ("NBF210", 4, 2),
        PLAIN,
        id="the model as a function's global",
    ),
    pytest.param(
        IMPORTS + DATA + MODEL + TRAIN.replace("model(x)", "nn.Linear(2, 1)(x)"),
        ("NBF301", 4, 1),
        PLAIN,
        id="training that uses no model",
    ),
    pytest.param(
        IMPORTS + DATA + MODEL + "# %% train\nfor x in range(3):\n    model(x).sum().backward()\n",
        ("NBF301", 4, 1),
        PLAIN,
        id="training that uses no data",
    ),
    pytest.param(
        PLAIN + "# %% evaluate\nmodel.eval()\nacc = float(x.sum())\n",
        ("NBF213", 5, 2),
        PLAIN
        + "# %% evaluate\nmodel.eval()\nfor x, y in loader:\n    pass\nacc = float(x.sum())\n",
        id="an evaluation of what training left behind",
    ),
    pytest.param(
        IMPORTS
        + "# %% data\nfeatures = model(torch.load('rows.pt'))\nloader = [features]\n"
        + MODEL
        + TRAIN,
        ("NBF202", 2, 1),
        PLAIN,
        id="data made with the model",
    ),
    pytest.param(
        IMPORTS
        + DATA
        + "# %% model\nclass Net(nn.Linear):\n    pass\n# %% train\nfor lr in (1, 2):\n    model = Net(2, 1)\n    fit = torch.optim.SGD(model.parameters(), lr=lr)\n    model(loader).backward()\n",
        ("NBF325", 4, 2),
        IMPORTS
        + DATA
        + "# %% model\nmodel = nn.Linear(2, 1)\n# %% train\nfor lr in (1, 2):\n    fit = torch.optim.SGD(model.parameters(), lr=lr)\n    model(loader).backward()\n",
        id="a model made in a loop",
    ),
    pytest.param(
        IMPORTS
        + DATA
        + "# %% model\nclass Net(nn.Linear):\n    pass\n# %% train\nclass Trainer:\n    def __init__(self):\n        self.model = Net(2, 1)\n    def fit(self):\n        self.model.train()\n        self.model(loader).backward()\nTrainer().fit()\n",
        ("NBF325", 4, 3),
        IMPORTS
        + DATA
        + "# %% model\nmodel = nn.Linear(2, 1)\n# %% train\nclass Trainer:\n    def __init__(self, model):\n        self.model = model\n    def fit(self):\n        self.model(loader).backward()\nTrainer(model).fit()\n",
        id="a model made in a trainer of the notebook's own",
    ),
    pytest.param(
        IMPORTS
        + DATA
        + "# %% model\nclass Net(nn.Linear):\n    pass\n# %% train\ndef run(lr):\n    model = Net(2, 1)\n    fit = torch.optim.SGD(model.parameters(), lr=lr)\n    model(loader).backward()\nrun(1)\nrun(2)\n",
        ("NBF325", 4, 2),
        IMPORTS
        + DATA
        + "# %% model\nclass Net(nn.Linear):\n    pass\n# %% train\ndef run(lr):\n    model = Net(2, 1)\n    fit = torch.optim.SGD(model.parameters(), lr=lr)\n    model(loader).backward()\nrun(1)\n",
        id="a training function that makes a model and is called twice",
    ),
    pytest.param(
        PLAIN + "# %% evaluate\nacc = float(len(loader))\n",
        ("NBF301", 5, 1),
        PLAIN + "# %% evaluate\nmodel.eval()\nacc = float(model(loader))\n",
        id="an evaluation without the model",
    ),
    pytest.param(
        IMPORTS
        + DATA
        + MODEL
        + "# %% train\ndef train(net, loader, widths):\n    net(loader).backward()\n",
        ("NBF301", 4, 1),
        IMPORTS
        + DATA
        + MODEL
        + "# %% train\ndef train(net, loader, widths=1):\n    net(loader).backward()\n",
        id="a parameter that nothing supplies",
    ),
    pytest.param(
        IMPORTS
        + "# %% data\ntrain_a = torch.load('a')\ntrain_b = torch.load('b')\n"
        + MODEL
        + "# %% train\ndef train(net, loader):\n    net(loader).backward()\n",
        ("NBF312", 4, 1),
        IMPORTS
        + "# %% data\ntrain_a = torch.load('a')\ntrain_b = torch.load('b')\n"
        + MODEL
        + "# %% train call=train(model,train_b)\ndef train(net, loader):\n    net(loader).backward()\n",
        id="a parameter that two could supply",
    ),
    pytest.param(
        IMPORTS
        + DATA
        + "# %% model\nclass Net(nn.Module):\n    def __init__(self, depth):\n        super().__init__()\n"
        + TRAIN,
        ("NBF301", 3, 1),
        IMPORTS
        + DATA
        + "# %% model call=Net(3)\nclass Net(nn.Module):\n    def __init__(self, depth):\n        super().__init__()\n"
        + TRAIN,
        id="a model that nothing says how to make",
    ),
    pytest.param(
        IMPORTS
        + DATA
        + MODEL
        + "# %% train\nclass Fitter:\n    def fit(self, net):\n        net(loader).backward()\n",
        ("NBF301", 4, 1),
        IMPORTS
        + DATA
        + MODEL
        + "# %% train\nclass Fitter:\n    def fit(self, net):\n        net(loader).backward()\nFitter().fit(model)\n",
        id="a class that nothing runs",
    ),
]


@pytest.mark.parametrize(("text", "where", "mended"), REFUSED)
def test_refused_with_the_place_and_mended_by_the_hint(
    text: str, where: tuple[str, int, int], mended: str
) -> None:
    assert told(text) == [where]
    for found in errors(text):
        assert found.hint
        assert found.source_line.strip() or not found.location.line
    assert errors(mended) == []


def test_all_problems_are_told_in_one_run() -> None:
    text = (
        IMPORTS
        + "# %%\na = pd.read_csv('a')\nb = pd.read_csv('b')\n"
        + DATA.replace("'rows.pt'", "a, b, nowhere")
        + MODEL.replace("2", "unheard_of")
        + TRAIN
    )
    assert sorted(told(text)) == [
        ("NBF201", 3, 1),
        ("NBF201", 4, 1),
        ("NBF203", 2, 1),
        ("NBF203", 2, 2),
    ]


def test_the_caret_points_at_the_name() -> None:
    (found,) = errors(PLAIN.replace("model(x)", "model(x, wide)"))
    assert found.source_line == "    model(x, wide).sum().backward()"
    assert found.source_line[found.location.column - 1 :][: found.length] == "wide"
    assert "`wide`" in found.message


def test_columns_count_characters_not_bytes() -> None:
    (found,) = errors(PLAIN.replace("model(x)", "model(x, 'größe', wide)"))
    assert found.source_line[found.location.column - 1 :][: found.length] == "wide"


def test_a_definition_in_a_broken_cell_is_found_there() -> None:
    text = PLAIN.replace("# %% data", "# %%\nWIDTH = 2\nLR = \n# %% data").replace(
        "2, 1", "WIDTH, 1"
    )
    assert told(text) == [("NBF102", 2, 2)]
    assert told(text.replace("LR = \n", "")) == []


def test_the_result_of_a_shell_line_is_no_python() -> None:
    line = "names = get_ipython().getoutput('ls')"
    text = PLAIN.replace("# %% data", f"# %%\n{line}\n# %% data").replace("2, 1", "len(names), 1")
    assert told(text) == [("NBF103", 2, 1)]
