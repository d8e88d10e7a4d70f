"""What is said about notebooks that compile: surprises, and what would hurt."""

# ruff: noqa: E501 - notebooks on one line
from __future__ import annotations

import pytest

from nbfed.diagnostics import Diagnostic
from nbfed.plan import plan
from nbfed.program import Program

from .notebooks import notebook

IMPORTS = (
    "# %%\nimport os\nimport numpy as np\nimport torch\nimport pandas as pd\nfrom torch import nn\n"
)
DATA = "# %% data\nloader = torch.load('rows.pt')\n"
MODEL = "# %% model\nmodel = nn.Linear(2, 1)\n"
TRAIN = "# %% train\nfor x, y in loader:\n    model(x).sum().backward()\n"
EVALUATE = "# %% evaluate\nmodel.eval()\nacc = float(model(loader).mean())\n"
PLAIN = IMPORTS + DATA + MODEL + TRAIN + EVALUATE


def compiled(text: str) -> tuple[Program, list[Diagnostic]]:
    program, problems = plan(*notebook(text), {})
    assert program is not None, problems
    return program, problems


def said(text: str) -> set[str]:
    return {found.code for found in compiled(text)[1]}


QUIET = {"NBF315"}  # rows.pt is read, in every one of these notebooks


def test_nothing_is_said_about_the_plain_notebook() -> None:
    assert said(PLAIN) == QUIET


SAID = [
    pytest.param(PLAIN.replace(EVALUATE, ""), "NBF313", id="no evaluation"),
    pytest.param(PLAIN.replace("model.eval()\n", ""), "NBF311", id="evaluation in training mode"),
    pytest.param(PLAIN.replace(TRAIN, "# %%\nopt = torch.optim.SGD(model.parameters())\n" + TRAIN + "opt.step()\n"), "NBF208", id="a fresh optimizer"),
    pytest.param(PLAIN.replace("for x, y in loader", "torch.manual_seed(1)\nfor x, y in loader"), "NBF209", id="a seed in training"),
    pytest.param(PLAIN.replace("'rows.pt'", "'/home/ann/rows.pt'"), "NBF303", id="an absolute path"),
    pytest.param("# %% params\nROOT = '/home/ann/data'\n" + PLAIN, "NBF303", id="a path as a parameter"),
    pytest.param("# %%\nfrom google.colab import drive\n" + PLAIN.replace("loader =", "drive.mount('/content/drive')\nloader ="), "NBF211", id="a hosted notebook's drive"),
    pytest.param("# %%\nfrom sklearn.metrics import ConfusionMatrixDisplay\n" + PLAIN + "ConfusionMatrixDisplay(acc).plot()\n", "NBF211", id="a plot of a display"),
    pytest.param(PLAIN.replace("'rows.pt'", "os.environ['ROWS']"), "NBF303", id="the environment"),
    pytest.param(PLAIN.replace("loader =", "token = 'hf_aBcDeFgHiJkL1234'\nloader ="), "NBF304", id="a secret"),
    pytest.param(PLAIN.replace("nn.Linear(2, 1)", "torch.hub.load('a/b', 'net')"), "NBF305", id="a download"),
    pytest.param("# %%\nimport torch, torchvision\n" + DATA + MODEL.replace("nn.Linear(2, 1)", "torchvision.models.resnet18(weights='DEFAULT')") + TRAIN + EVALUATE, "NBF305", id="pretrained weights"),
    pytest.param("# %%\nimport wandb\n" + PLAIN.replace("backward()\n", "backward()\n    wandb.log({'x': 1})\n"), "NBF307", id="a tracker"),
    pytest.param("# %%\nimport requests\n" + PLAIN.replace("loader =", "text = requests.get('http://a')\nloader ="), "NBF307", id="another machine"),
    pytest.param(PLAIN + "# %%\nplots = 1\n", "NBF315", id="a file"),
    pytest.param("# %%\nfrom sklearn.preprocessing import StandardScaler\nfrom sklearn.model_selection import train_test_split\n" + PLAIN.replace("loader =", "x = StandardScaler().fit_transform(pd.read_csv('a.csv'))\ntrain, test = train_test_split(x)\nloader ="), "NBF310", id="fitted before the split"),
    pytest.param(PLAIN.replace("loader", "test_loader"), "NBF310", id="training on test data"),
    pytest.param(PLAIN.replace("model(x)", "scaled(model(x))").replace("# %% data", "# %%\ndef scaled(v):\n    return SCALE * v\nSCALE = 1\n# %%\nSCALE = 2\n# %% data"), "NBF205", id="competing definitions"),
    pytest.param(PLAIN.replace("acc =", "model.load_state_dict(torch.load('best.pt'))\nacc ="), "NBF317", id="evaluation loads weights"),
    pytest.param(PLAIN.replace("# %% evaluate", "# %%\nmodel.load_state_dict(torch.load('best.pt'))\n# %% evaluate"), "NBF317", id="weights are loaded before the evaluation"),
    pytest.param("# %%\nfrom tqdm.notebook import tqdm\n" + PLAIN.replace("in loader", "in tqdm(loader)"), "NBF321", id="a widget"),
    pytest.param(PLAIN.replace("# %% model", "# %%\nnames = []\nnames.drop_all(1)\nnames.extend(object.x())\n# %% model").replace("sum()", "sum() * len(names)"), "NBF206", id="a change left out"),
    pytest.param(PLAIN.replace(TRAIN, "# %% train\ndef train(net, loader):\n    net(loader).backward()\n# %%\ntrain(model, loader)\n"), "NBF316", id="a call taken over"),
    pytest.param(PLAIN.replace(TRAIN, "# %% train\ndef train(net, loader, epochs):\n    net(loader).backward()\n"), "NBF322", id="a number of epochs made up"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code"), SAID)
def test_said(text: str, code: str) -> None:
    if code == "NBF304":
        program, problems = plan(*notebook(text), {})
        assert program is None and code in {found.code for found in problems}
    else:
        assert code in said(text)


NOT_SAID = [
    pytest.param(PLAIN.replace("'rows.pt'", "'data/rows.pt'"), "NBF303", id="a relative path"),
    pytest.param(PLAIN.replace("loader =", "'''/home/ann/rows.pt'''\nloader ="), "NBF303", id="a path in documentation"),
    pytest.param(PLAIN.replace("loader =", "token = 'start of text'\nloader ="), "NBF304", id="a token that is no secret"),
    pytest.param(PLAIN.replace("# %% data", "# %%\npd.read_csv('/home/ann/a.csv')\n# %% data"), "NBF303", id="a path that no role uses"),
    pytest.param(PLAIN.replace("model.eval()", "model.train(False)"), "NBF311", id="another way to evaluate"),
    pytest.param(PLAIN.replace("for x, y", "opt = torch.optim.SGD(model.parameters())\nfor x, y"), "NBF208", id="an optimizer in the region"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code"), NOT_SAID)
def test_not_said(text: str, code: str) -> None:
    assert code not in said(text)


def test_what_evaluation_loads_is_left_out_and_the_names_stay() -> None:
    program, _ = compiled(
        PLAIN.replace(
            "model.eval()",
            "best = nn.Linear(2, 1)\nbest.load_state_dict(torch.load('best.pt'))\nbest.eval()",
        ).replace("float(model", "float(best")
    )
    assert program.evaluate is not None
    body = "\n".join(part.text for part in program.evaluate.body)
    assert "best = model" in body and "load" not in body.replace("loader", "")


def test_the_trained_model_may_have_another_name() -> None:
    program, _ = compiled(
        PLAIN.replace(
            TRAIN,
            "# %%\ndef fit(net):\n    for x, y in loader:\n        net(x).sum().backward()\n    return net.eval()\n# %% train\ntrained = fit(model)\n",
        ).replace("float(model", "float(trained")
    )
    assert program.train.body[-1].text == "model = trained"
    assert program.train.rebinds_model
    assert program.evaluate is not None
    assert [argument.name for argument in program.evaluate.arguments] == ["model", "loader"]


OLD = (
    "# %%\nimport flwr as fl\n"
    + PLAIN
    + "# %% strategy\nrounds = 3\nstrategy = fl.server.strategy.FedAvg(fraction_fit=0.5, min_fit_clients=2, evaluate_fn=None)\nconfig = fl.server.ServerConfig(num_rounds=rounds)\n"
)
NEW = (
    "# %%\nfrom flwr.serverapp.strategy import FedAvg\n# %% params\nSHARE = 0.5\n"
    + PLAIN
    + "# %% strategy\nclass Mine(FedAvg):\n    pass\nstrategy = Mine(fraction_train=SHARE)\n"
)


def test_a_strategy_of_flowers_former_names_is_written_anew() -> None:
    program, problems = compiled(OLD)
    assert program.strategy is not None
    assert program.strategy.body[-1].text == (
        "from flwr.serverapp.strategy import FedAvg\n"
        "strategy = FedAvg(fraction_train=0.5, min_train_nodes=2)"
    )
    (found,) = [found for found in problems if found.code == "NBF320"]
    assert "evaluate_fn" in found.message


def test_a_strategy_of_ones_own_is_sliced_like_all_else() -> None:
    program, problems = compiled(NEW)
    assert program.strategy is not None
    assert program.strategy.results == ("strategy",)
    assert [argument.name for argument in program.strategy.arguments] == ["SHARE"]
    assert "class Mine(FedAvg)" in program.strategy.module[0].text
    assert "NBF320" not in {found.code for found in problems}


def test_a_strategy_region_without_one_is_refused() -> None:
    program, problems = plan(*notebook(PLAIN + "# %% strategy\nrounds = 3\n"), {})
    assert program is None
    assert [found.code for found in problems if found.severity == "error"] == ["NBF301"]


HURTS = [
    pytest.param(
        "table = pd.read_csv('a.csv')\ntest = table.sample(frac=0.5)\n", "NBF327", id="sample"
    ),
    pytest.param("file = open('a.txt')\nrows = file.read()\n", "NBF306", id="open file"),
]


@pytest.mark.parametrize(("lines", "code"), HURTS)
def test_what_hurts_in_data_is_told(lines: str, code: str) -> None:
    used = lines.partition(" = ")[0] if code == "NBF306" else "test"
    text = PLAIN.replace("# %% data\n", f"# %% data\n{lines}").replace(
        "'rows.pt'", f"'rows.pt', {used}"
    )
    assert code in said(text)


@pytest.mark.parametrize(
    "lines",
    ["test = pd.read_csv('a.csv').sample(frac=0.5, random_state=0)\n", "test = pd.concat([])\n"],
)
def test_a_test_set_with_a_seed_is_no_matter(lines: str) -> None:
    text = PLAIN.replace("# %% data\n", f"# %% data\n{lines}").replace("'rows.pt'", "'r', test")
    assert "NBF327" not in said(text)


@pytest.mark.parametrize("text", ["FedAvg", "fed-adam"])
def test_a_strategy_may_be_named_by_a_text(text: str) -> None:
    program, _ = compiled(PLAIN + f"# %% strategy\nstrategy = {text!r}\n")
    assert program.strategy is not None
    (made,) = program.strategy.body
    assert made.text.endswith(f"strategy = {'FedAvg' if text == 'FedAvg' else 'FedAdam'}()")


def test_the_last_line_of_a_cell_is_a_result() -> None:
    shown = "# %% evaluate\nimport torchmetrics\nscore = torchmetrics.MeanMetric()\nmodel.eval()\nscore.update(model(loader))\nscore.compute()\n"
    program, _ = compiled(PLAIN.replace(EVALUATE, shown))
    assert program.evaluate is not None
    assert (program.evaluate.results, program.evaluate.mapping) == ((), "metrics")
