"""`data server`: evaluation at the server, with data that no site has."""

from __future__ import annotations

import pytest

from nbfed.plan import plan
from nbfed.program import Origin, Program, Stage

from .notebooks import notebook

HEAD = """
# %%
import csv
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
def table_of(path):
    return torch.tensor([[float(x) for x in row] for row in csv.reader(open(path))])
# %% params
BATCH = 8
# %% site
DATA_FILE = "a.csv"
PUBLIC_FILE = "public.csv"
"""
MODEL = """
# %% model
model = nn.Linear(2, 1)
# %% train
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in train_loader:
    loss = (model(x).squeeze(1) - y).square().mean()
    loss.backward()
    optimizer.step()
"""
EVALUATE = """
# %% evaluate metrics=error
error = 0.0
with torch.no_grad():
    for x, y in test_loader:
        error += (model(x).squeeze(1) - y).abs().sum().item()
"""
SITES = """
# %% data
table = table_of(DATA_FILE)
train_loader = DataLoader(TensorDataset(table[:, :2], table[:, 2]), BATCH)
"""
SITES_TEST = "test_loader = DataLoader(TensorDataset(table[:9, :2], table[:9, 2]), BATCH)\n"
PUBLIC = """
# %% data server=true
public = table_of(PUBLIC_FILE)
test_loader = DataLoader(TensorDataset(public[:, :2], public[:, 2]), BATCH)
"""


def planned(text: str) -> tuple[Program | None, list[str]]:
    program, found = plan(*notebook(text), {})
    return program, [f"{d.code} {d.message}" for d in found]


def text(stage: Stage) -> str:
    return "\n".join(part.text for part in (*stage.imports, *stage.module, *stage.body))


def arguments(stage: Stage) -> dict[str, Origin]:
    return {argument.name: argument.origin for argument in stage.arguments}


@pytest.mark.parametrize("order", [SITES + PUBLIC + MODEL, PUBLIC + SITES + MODEL])
def test_data_that_only_the_server_has_are_evaluated_there_alone(order: str) -> None:
    program, found = planned(HEAD + order + EVALUATE)
    assert program is not None and program.server is not None, found
    assert program.evaluate is None
    assert "public" not in text(program.data) and program.data.results == ("train_loader",)
    assert [key.name for key in program.site] == ["DATA_FILE"]
    server = program.server
    assert [key.name for key in server.keys] == ["PUBLIC_FILE"]
    assert server.data.results == ("test_loader",)
    assert arguments(server.data) == {"PUBLIC_FILE": Origin.SITE, "BATCH": Origin.PARAMS}
    assert "def table_of(path):" in text(server.data) and "train_loader" not in text(server.data)
    assert arguments(server.evaluate) == {"model": Origin.MODEL, "test_loader": Origin.DATA}
    assert server.evaluate.results == ("error",)
    assert program.server_imports == ("csv", "torch")


@pytest.mark.parametrize(
    "order", [SITES + SITES_TEST + PUBLIC + MODEL, PUBLIC + SITES + SITES_TEST + MODEL]
)
def test_where_both_bind_the_names_both_evaluate(order: str) -> None:
    program, found = planned(HEAD + order + EVALUATE)
    assert program is not None and program.server is not None, found
    assert program.evaluate is not None and program.evaluate.results == ("error",)
    assert set(program.data.results) == {"train_loader", "test_loader"}
    assert "PUBLIC_FILE" not in text(program.data)
    assert "DATA_FILE" not in text(program.server.data)
    assert text(program.evaluate) == text(program.server.evaluate)


FUNCTIONS = """
# %% data
def load(DATA_FILE):
    table = table_of(DATA_FILE)
    trainloader = DataLoader(TensorDataset(table[:, :2], table[:, 2]), BATCH)
    return trainloader
# %% data server=true
def load_public(PUBLIC_FILE):
    public = table_of(PUBLIC_FILE)
    testloader = DataLoader(TensorDataset(public[:, :2], public[:, 2]), BATCH)
    return testloader
# %% model
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)
    def forward(self, x):
        return self.layer(x)
# %% train
def train(net, trainloader):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for x, y in trainloader:
        loss = (net(x).squeeze(1) - y).square().mean()
        loss.backward()
        optimizer.step()
# %% evaluate
def test(net, testloader):
    error = 0.0
    for x, y in testloader:
        error += (net(x).squeeze(1) - y).abs().sum().item()
    return error
"""


def test_functions_are_called_for_the_server_too() -> None:
    program, found = planned(HEAD + FUNCTIONS)
    assert program is not None and program.server is not None, found
    assert program.evaluate is None and program.data.results == ("trainloader",)
    assert "testloader = load_public(PUBLIC_FILE)" in text(program.server.data)
    assert "load_public" not in text(program.data)
    assert "error = test(" in text(program.server.evaluate)
    assert [key.name for key in program.server.keys] == ["PUBLIC_FILE"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            SITES + PUBLIC + MODEL,
            "NBF301 nothing evaluates on the server's data",
        ),
        (
            SITES + SITES_TEST + PUBLIC.replace("test_loader", "public_loader") + MODEL + EVALUATE,
            "NBF301 the evaluation uses nothing that the server's data region makes, but "
            "`test_loader`",
        ),
        (
            SITES + PUBLIC + MODEL + EVALUATE + "error = error / len(train_loader)\n",
            "NBF301 the evaluation also uses `train_loader`, which no `data server` region makes",
        ),
        (
            SITES + PUBLIC.replace("public = ", "public = table.mean() + ") + MODEL + EVALUATE,
            "NBF301 the server's data are made with the sites' data (`table`), which stay there",
        ),
    ],
)
def test_what_the_server_cannot_evaluate_is_an_error(source: str, message: str) -> None:
    program, found = planned(HEAD + source)
    assert program is None
    assert message in found


def test_without_such_data_there_is_no_evaluation_at_the_server() -> None:
    program, _ = planned(HEAD + SITES + SITES_TEST + MODEL + EVALUATE)
    assert program is not None and program.server is None
    assert [key.name for key in program.site] == ["DATA_FILE", "PUBLIC_FILE"]
