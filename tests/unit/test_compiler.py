"""From the bytes of a notebook to its program."""

# ruff: noqa: E501 - cells on one line
from __future__ import annotations

import json

from nbfed.compiler import Compilation, compile_notebook
from nbfed.program import Program

# A notebook whose section headings, instead of marks, give the roles.
SECTIONS = [
    ("Dependencies", "import os\nimport numpy as np\nimport torch\nimport torch.nn as nn\nimport flwr\nfrom torch.utils.data import DataLoader, Dataset, Subset, random_split\n\nDEVICE = torch.device('cpu')"),
    ("Data loading", "class CustomDataset(Dataset):\n    def __init__(self, path):\n        self.rows = np.load(path)\n    def __len__(self):\n        return len(self.rows)\n    def __getitem__(self, i):\n        return self.rows[i]\n\ndef load_data():\n    dataset = CustomDataset(os.path.join('data', 'x.npy'))\n    train_set, test_set = random_split(dataset, [8, 2])\n    test_set = Subset(test_set, np.random.choice(2, 1))\n    num_examples = {'trainset': 8, 'testset': 1}\n    return DataLoader(train_set), DataLoader(test_set), num_examples"),
    ("Model definition", "class Model(nn.Module):\n    def __init__(self):\n        super(Model, self).__init__()\n        self.fc = nn.Linear(4, 2)\n    def forward(self, x):\n        return self.fc(x)"),
    ("Training loop", "def train(net, trainloader, epochs):\n    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n    for _ in range(epochs):\n        for x, y in trainloader:\n            nn.functional.cross_entropy(net(x.to(DEVICE)), y).backward()\n            optimizer.step()"),
    ("Test function", "def test(net, testloader):\n    correct, total, loss = 0, 0, 0.0\n    with torch.no_grad():\n        for x, y in testloader:\n            out = net(x.to(DEVICE))\n            loss += nn.functional.cross_entropy(out, y).item()\n            total += y.size(0)\n            correct += (out.argmax(1) == y).sum().item()\n    return loss / len(testloader.dataset), correct / total"),
    ("Aggregation function", "strategy = flwr.server.strategy.FedAvg(fraction_fit=1.0, min_fit_clients=2)\nconfig = flwr.server.ServerConfig(num_rounds=3)"),
]  # fmt: skip


def compiled(*cells: tuple[str, str]) -> Compilation:
    listed = [
        {"cell_type": kind, "metadata": {}, "source": source}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for kind, source in cells
    ]
    book = {"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return compile_notebook(json.dumps(book).encode(), "a.ipynb")


def program_of(compilation: Compilation) -> Program:
    assert compilation.program is not None, compilation.diagnostics
    return compilation.program


def test_a_notebook_with_section_headings_compiles_as_it_is() -> None:
    cells = [
        cell for title, code in SECTIONS for cell in (("markdown", f"## {title}"), ("code", code))
    ]
    found = compiled(*cells)
    program = program_of(found)
    assert program.data.body[-1].text.endswith(" = load_data()")
    assert program.model.body[-1].text == "net = Model()"
    assert program.evaluate is not None and program.evaluate.results == ("loss", "accuracy")
    assert [parameter.name for parameter in program.params] == ["epochs"]
    assert program.strategy is not None
    codes = [diagnostic.code for diagnostic in found.diagnostics]
    assert {"NBF118", "NBF311", "NBF320", "NBF322"} <= set(codes)


def test_marks_in_comments_and_magics_around_them() -> None:
    found = compiled(
        ("code", "%matplotlib inline\nimport torch\nfrom torch import nn\nLR = 0.1"),
        ("code", "# nbfed: data\nloader = torch.load('a.pt')\n!ls\n# nbfed: model\nnet = nn.Linear(1, 1)"),
        ("code", "# nbfed: train\n%time net(loader).backward()"),
    )  # fmt: skip
    program = program_of(found)
    assert program.data.results == ("loader",)
    assert program.model.results == ("net",)


def test_without_the_roles_there_is_no_program_and_one_reason() -> None:
    found = compiled(("code", "x = 1"))
    assert found.program is None
    assert [diagnostic.code for diagnostic in found.diagnostics] == ["NBF110"]


def test_code_that_is_nested_too_deeply_is_a_finding() -> None:
    deep = "x = " + "(" * 80 + "1" + ")" * 80 + " + 1" * 3000
    found = compiled(
        ("code", f"import torch\n{deep}"),
        ("code", "# nbfed: data\nloader = torch.load('a.pt')"),
        ("code", "# nbfed: model\nnet = torch.nn.Linear(1, x)"),
        ("code", "# nbfed: train\nnet(loader).backward()"),
    )
    assert all(diagnostic.code.startswith("NBF") for diagnostic in found.diagnostics)
    assert found.program is not None or found.diagnostics


def test_findings_come_in_the_order_of_the_notebook() -> None:
    found = compiled(
        ("code", "import torch"),
        ("code", "# nbfed: data\nloader = torch.load(nowhere)"),
        ("code", "# nbfed: model\nnet = torch.nn.Linear(unknown, 1)"),
        ("code", "# nbfed: train\nnet(loader, missing).backward()"),
    )
    assert [d.location.cell for d in found.diagnostics if d.code == "NBF201"] == [2, 3, 4]


def test_a_training_region_that_holds_everything_needs_no_other() -> None:
    cell = (
        "# nbfed: train\nimport torch\nrows = torch.utils.data.DataLoader([torch.ones(1)])\n"
        "net = torch.nn.Linear(1, 1)\nfor x in rows:\n    net(x).sum().backward()"
    )
    program = program_of(compiled(("code", cell)))
    assert (program.data.results, program.model.results) == (("rows",), ("net",))
    missing = compiled(("code", cell.replace("torch.nn.Linear(1, 1)", "load()")))
    assert [found.code for found in missing.diagnostics] == ["NBF110", "NBF110"]
