"""Proposals of roles for notebooks in the shapes that people write them."""

from __future__ import annotations

import pytest

from nbfed.suggest.proposal import propose, tags_to_write
from tests.unit.notebooks import code, markdown, percent, read


def proposed(*cells: object) -> list[tuple[int, str, str]]:
    return [(each.cell, each.role, each.confidence) for each in propose(read(*cells))]


def written(*cells: object) -> dict[int, str]:
    return dict(tags_to_write(propose(read(*cells))))


TOP_LEVEL = """\
import torch
from torch import nn
# %%
LR = 0.01
EPOCHS = 3
# %%
table = pd.read_csv("a.csv")
table.head()
# %%
plt.hist(table["age"])
# %%
x = torch.tensor(table.values)
loader = DataLoader(TensorDataset(x), batch_size=4)
test_loader = DataLoader(TensorDataset(x))
# %%
class Net(nn.Module):
    def forward(self, x):
        return x
# %%
model = Net().to(device)
opt = torch.optim.SGD(model.parameters(), lr=LR)
# %%
for epoch in range(EPOCHS):
    for xb, in loader:
        loss = model(xb).sum()
        loss.backward()
        opt.step()
# %%
model.eval()
with torch.no_grad():
    accuracy = sum((model(xb) > 0).sum() for xb, in test_loader)
# %%
with torch.no_grad():
    plt.imshow(model(x[:1]))"""

FUNCTIONS = """\
def load_data(path):
    rows = pd.read_csv(path)
    return DataLoader(rows), DataLoader(rows)
# %%
class Block(nn.Module):
    pass
class Net(nn.Module):
    def __init__(self):
        self.block = Block()
# %%
def train(net, loader, epochs):
    for epoch in range(epochs):
        for x in loader:
            loss = net(x)
            loss.backward()
            optimizer.step()
# %%
def test(net, loader):
    net.eval()
    with torch.no_grad():
        for x in loader:
            correct = net(x)
    return correct"""

EPOCH_FUNCTION = """\
def train_epoch(model, loader):
    for x in loader:
        model(x).backward()
        optimizer.step()
# %%
def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        losses = [model(x) for x in loader]
    return sum(losses)
# %%
def make_loaders(root):
    return DataLoader(root), DataLoader(root)
train_loader, val_loader = make_loaders("images")
# %%
model = torchvision.models.resnet18(weights=None)
# %%
for epoch in range(3):
    train_epoch(model, train_loader)
    val_loss = evaluate(model, val_loader)"""

TRAINER = """\
class Lit(pl.LightningModule):
    def training_step(self, batch, i):
        return self(batch)
# %%
loader = DataLoader(rows)
# %%
model = Lit()
trainer = pl.Trainer(max_epochs=2)
trainer.fit(model, loader)"""

FLOWER = """\
import flwr as fl
# %%
strategy = fl.server.strategy.FedAvg(min_fit_clients=2)"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            TOP_LEVEL,
            [
                (2, "params", "certain"),
                (3, "data", "likely"),
                (5, "data", "certain"),
                (6, "model", "certain"),
                (7, "model", "likely"),
                (8, "train", "certain"),
                (9, "evaluate", "likely"),
            ],
            id="top level",
        ),
        pytest.param(
            FUNCTIONS,
            [
                (1, "data", "certain"),
                (2, "model", "likely"),
                (3, "train", "certain"),
                (4, "evaluate", "certain"),
            ],
            id="functions only",
        ),
        pytest.param(
            EPOCH_FUNCTION,
            [
                (1, "train", "certain"),
                (2, "evaluate", "certain"),
                (3, "data", "certain"),
                (4, "model", "certain"),
                (5, "train", "likely"),
            ],
            id="a loop that calls a function",
        ),
        pytest.param(
            TRAINER,
            [(1, "model", "certain"), (2, "data", "certain"), (3, "train", "likely")],
            id="trainer",
        ),
        pytest.param(FLOWER, [(2, "strategy", "likely")], id="strategy"),
        pytest.param("x = 1\n# %%\nplt.plot([1, 2])", [], id="nothing to see"),
        pytest.param("lr = \n# %%\nloss.backward()", [(2, "train", "certain")], id="broken cell"),
    ],
)
def test_proposals(source, expected):
    assert proposed(*percent(source)) == expected


@pytest.mark.parametrize(
    ("source", "roles"),
    [
        pytest.param(
            "def a(net):\n    net(1).backward()\n    opt.step()\n# %%\n"
            "def b(net):\n    net(2).backward()\n    opt.step()",
            [(1, "train", "uncertain"), (2, "train", "uncertain")],
            id="two trainings",
        ),
        pytest.param(
            "y = x ** 2\ny.backward()\n# %%\nfor x in loader:\n    f(x).backward()\n    opt.step()",
            [(2, "train", "likely")],
            id="a lesson on gradients before the training",
        ),
        pytest.param(
            "def fit(net):\n    net(1).backward()\n    opt.step()\n# %%\n"
            "net(1).backward()\nopt.step()",
            [(1, "train", "likely")],
            id="one step tried by hand",
        ),
        pytest.param(
            "def step(net):\n    net(1).backward()\n# %%\ndef train(net):\n    step(net)",
            [(2, "train", "certain")],
            id="the outermost function",
        ),
        pytest.param(
            "def f(): g()\ndef g():\n    f()\n    a.backward()", [], id="functions that only loop"
        ),
        pytest.param(
            "class Trainer:\n    def run(self):\n        loss.backward()",
            [(1, "train", "certain")],
            id="a class of one's own",
        ),
    ],
)
def test_which_training_is_meant(source, roles):
    assert proposed(*percent(source)) == roles


def test_a_validation_inside_training_is_said_to_be_uncertain():
    source = (
        "for x in loader:\n    f(x).backward()\n    opt.step()\n"
        "    with torch.no_grad():\n        loss = f(x)"
    )
    (train, evaluate) = propose(read(source))
    assert (train.role, train.whole_cell) == ("train", True)
    assert (evaluate.role, evaluate.confidence) == ("evaluate", "uncertain")
    assert "cell of its own" in evaluate.reason


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("BATCH_SIZE = 4\nlr: float = 0.1", {1: "params"}),
        ("n_epochs = 4", {1: "params"}),
        ("answer = 42", {}),
        ('DATA_DIR = "/home/ann/data"', {1: "site"}),
        ('root = Path("data/heart.csv")', {1: "site"}),
        ('url = "https://x.org/a.zip"', {1: "site"}),
        ('name = "heart"', {}),
        ('kind = "a/b test of something, really?"', {}),
        ("lr = 0.1\ndevice = torch.device('cpu')", {}),
        ('lr = 0.1\nDATA = "data/a.csv"', {}),
        ("lr = 2 * 0.1", {}),
    ],
)
def test_settings(source, expected):
    assert written(source) == expected


def test_settings_that_a_tag_cannot_mark_are_still_told():
    found = propose(read('lr = 0.1\nDATA = "data/a.csv"'))
    assert [(each.role, each.line, each.confidence) for each in found] == [
        ("params", 1, "uncertain"),
        ("site", 2, "uncertain"),
    ]
    assert not any(each.whole_cell for each in found)


def test_a_cell_with_several_roles_needs_directives():
    source = "loader = DataLoader(x)\nmodel = nn.Linear(1, 1)\nfor a in loader:\n    b.backward()"
    found = propose(read(source))
    assert [(each.role, each.line, each.whole_cell) for each in found] == [
        *(("data", 1, False), ("model", 2, False), ("train", 3, False)),
    ]
    assert tags_to_write(found) == {}


def test_a_notebook_without_loaders_shows_where_its_data_come_from():
    source = (
        "x, y = load_digits(return_X_y=True)\n# %%\nz = torch.tensor(x)\nscale = fit()\n# %%\n"
        "opt = SGD(model.parameters())\n# %%\nf(z * scale).backward()\nopt.step()"
    )
    assert proposed(*percent(source)) == [
        *((1, "data", "likely"), (2, "data", "likely"), (4, "train", "certain")),
    ]


def test_a_cell_of_imports_that_does_something_is_no_cell_of_data():
    source = "import a\nargs = a.parse()\n# %%\nloader = DataLoader(args)\n# %%\nloss.backward()"
    assert proposed(*percent(source))[0] == (1, "data", "uncertain")
    assert written(*percent(source)) == {2: "data", 3: "train"}


def test_a_cell_that_starts_everything_is_no_cell_of_data():
    source = (
        "def load(p):\n    return DataLoader(p)\n# %%\ndef train(net, loader):\n"
        "    net(loader).backward()\n# %%\nloader = load('a')\nfor i in range(3):\n"
        "    train(net, loader)"
    )
    assert written(*percent(source)) == {1: "data", 2: "train"}


def test_models_that_train_one_after_the_other_are_alternatives():
    source = (
        "def train(m):\n    m(1).backward()\n# %%\nnet_a = nn.Linear(1, 1)\ntrain(net_a)\n# %%\n"
        "net_b = nn.Linear(1, 1)\ntrain(net_b)"
    )
    assert proposed(*percent(source)) == [
        *((1, "train", "certain"), (2, "model", "uncertain"), (3, "model", "uncertain")),
    ]


def test_the_model_that_training_reads_is_meant():
    source = (
        "class A(nn.Module): pass\n# %%\nclass B(nn.Module): pass\n# %%\nteacher_net = A()\n"
        "model = B()\n# %%\nfor x in y:\n    model(x).backward()"
    )
    assert proposed(*percent(source))[0] == (2, "model", "certain")


def test_two_models_that_train_together_are_both_meant():
    source = (
        "class G(nn.Module): pass\n# %%\nclass D(nn.Module): pass\n# %%\ng, d = 1, 2\nnet_g = G()\n"
        "net_d = D()\n# %%\nfor x in y:\n    (net_g(x) + net_d(x)).backward()"
    )
    assert proposed(*percent(source))[:2] == [(1, "model", "likely"), (2, "model", "likely")]


def test_what_has_a_role_already_is_left_alone():
    cells = percent(TOP_LEVEL)
    cells[7] = code(cells[7], "nbfed:train")
    cells[1] = cells[1] + '\n# nbfed: site\nDATA = "a.csv"'
    found = propose(read(*cells))
    assert "train" not in {each.role for each in found}
    assert tags_to_write(found)[2] == "params"


def test_reasons_name_the_evidence():
    found = propose(read(*percent(TOP_LEVEL)))
    reasons = {each.role: each.reason for each in reversed(found)}
    assert reasons["train"] == "calls `.backward()` at line 4"
    assert reasons["model"] == "defines `Net`, from which cell 7 makes `model`"
    assert reasons["params"] == "sets `LR`, `EPOCHS`"


def test_markdown_counts_as_a_cell():
    assert written(markdown("# Title"), "loss.backward()") == {2: "train"}
