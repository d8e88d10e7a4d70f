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


LOOP = "for x, y in loader:\n    model(x).sum().backward()\n"
BODY = "    for x, y in loader:\n        model(x).sum().backward()\n"
FOLDS = [
    pytest.param(TRAIN.replace(LOOP, "for fold in range(5):\n" + BODY), 2, id="a loop named so"),
    pytest.param("# %% train\ndef cv(k):\n    for i in range(k):\n        rows = get_k_fold_data(k, i)\n        model(rows).sum().backward()\ncv(5)\n", 3, id="folds are asked for"),
    pytest.param("# %%\ndef step():\n    model(loader).sum().backward()\ndef cv(splits):\n    for a, b in splits.split(loader):\n        step()\n# %% train\ncv(KFold(5))\n", 5, id="in a function without a role"),
    pytest.param("# %% train\nclass Trainer:\n    def epoch(self):\n        model(loader).sum().backward()\n    def run(self):\n        for n_fold, rows in enumerate(self.rows):\n            self.epoch()\nTrainer().run()\n", 6, id="in a method"),
]  # fmt: skip


@pytest.mark.parametrize(("train", "line"), FOLDS)
def test_training_once_a_fold_is_said_plainly(train: str, line: int) -> None:
    # `line` counts the text's own, the line of its first cell's mark among them.
    assert told(IMPORTS + DATA + MODEL + train) == [("NBF318", 4, line - 1)]


def test_folds_that_train_nothing_are_left_alone() -> None:
    data = "# %% data\nsizes = []\nfor fold in range(5):\n    sizes.append(fold)\n"
    assert errors(IMPORTS + DATA + data + MODEL + TRAIN) == []
    assert errors(IMPORTS + DATA + MODEL + TRAIN + "for fold in range(2):\n    print(fold)\n") == []


SETTINGS = [
    pytest.param("wandb.init(config={'lr': 0.1, 'path': p, 'a-b': 1})\nconfig = wandb.config", "config.lr", (2, 3), "`lr = 0.1`, and", id="by another name"),
    pytest.param("C = dict(lr=0.1, n=-2)\nrun = wandb.init(config=C)", "run.config.lr", (2, 3), "`lr = 0.1`, `n = -2`, and", id="of the run"),
    pytest.param("wandb.init()", "wandb.config['lr']", (5, 2), "`LR = 0.01`", id="in the role itself"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "use", "place", "hint"), SETTINGS)
def test_settings_of_a_tracker_are_to_be_written_down(
    cell: str, use: str, place: tuple[int, int], hint: str
) -> None:
    train = TRAIN.replace("model(x)", f"({use} * model(x))")
    text = IMPORTS + f"# %%\nimport wandb\n{cell}\n" + DATA + MODEL + train
    (found,) = errors(text)
    assert (found.code, found.location.cell, found.location.line) == ("NBF330", *place)
    assert hint in found.hint
    params = f"# %% params\nlr = 0.1\n# %%\nimport wandb\n{cell}\n"
    assert errors(IMPORTS + params + DATA + MODEL + train.replace(use, "lr")) == []
