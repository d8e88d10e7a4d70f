"""The two plainest notebooks there are: statements at top level, and functions only."""

from __future__ import annotations

from nbfed.plan import plan
from nbfed.program import Argument, Origin, Program, Stage

from .notebooks import notebook

STATEMENTS = """
# %%
import torch
import torch.nn as nn
import pandas as pd
import matplotlib.pyplot as plt
from torch.utils.data import DataLoader, TensorDataset
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
# %% params
LR = 0.01  # step size
EPOCHS = 2
# %% site
DATA_FILE = "data.csv"
# %% data
table = pd.read_csv(DATA_FILE)
rows = TensorDataset(torch.tensor(table.values))
train_loader = DataLoader(rows, batch_size=16, shuffle=True)
test_loader = DataLoader(rows, batch_size=16)
# %%
table.head()
plt.hist(table.age)
# %% model
model = nn.Linear(4, 2).to(device)
# %%
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
# %% train
for epoch in range(EPOCHS):
    total = 0.0
    for xb, yb in train_loader:
        loss = nn.functional.cross_entropy(model(xb.to(device)), yb.to(device))
        loss.backward()
        optimizer.step()
        total += loss.item()
    train_loss = total / len(train_loader)
# %% evaluate
correct = 0
with torch.no_grad():
    for xb, yb in test_loader:
        correct += (model(xb.to(device)).argmax(1).cpu() == yb).sum().item()
accuracy = correct / len(test_loader.dataset)
"""

FUNCTIONS = """
# %%
import torch, torch.nn as nn
from torch.utils.data import DataLoader
DEVICE = "cpu"
# %% params
EPOCHS = 1
# %% site
DATA_DIR = "images"
# %% model
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
# %% data
def load_data(data_dir):
    trainset, testset = torch.load(data_dir)
    return DataLoader(trainset), DataLoader(testset)
# %% train
def train(net, trainloader, epochs):
    for _ in range(epochs):
        for images, labels in trainloader:
            criterion(net(images.to(DEVICE)), labels).backward()
# %% evaluate
def test(net, testloader):
    correct, loss = 0, 0.0
    for images, labels in testloader:
        loss += criterion(net(images), labels).item()
        correct += 1
    return loss / len(testloader), correct / len(testloader.dataset)
# %%
criterion = nn.CrossEntropyLoss()
"""


def planned(text: str) -> Program:
    program, problems = plan(*notebook(text), {})
    assert [problem for problem in problems if problem.severity == "error"] == []
    assert program is not None
    return program


def text_of(stage: Stage) -> str:
    return "\n".join(part.text for part in (*stage.imports, *stage.module, *stage.body))


def test_statements_become_stages() -> None:
    program = planned(STATEMENTS)
    assert [parameter.name for parameter in program.params] == ["LR", "EPOCHS"]
    assert [key.name for key in program.site] == ["DATA_FILE"]
    assert program.data.results == ("train_loader", "test_loader")
    assert program.model.results == ("model",)
    assert program.train.arguments == (
        Argument("model", Origin.MODEL),
        Argument("train_loader", Origin.DATA),
        Argument("LR", Origin.PARAMS, "float"),
        Argument("EPOCHS", Origin.PARAMS, "int"),
    )
    assert program.train.results == ("train_loss",)
    assert program.evaluate is not None
    assert program.evaluate.results == ("accuracy",)
    assert (program.train_examples, program.evaluate_examples) == ("train_loader", "test_loader")


def test_the_server_holds_neither_data_nor_training() -> None:
    model = text_of(planned(STATEMENTS).model)
    assert "nn.Linear(4, 2)" in model
    assert not any(word in model for word in ("pandas", "DATA_FILE", "optimizer", "table"))


def test_what_no_role_uses_is_left_out() -> None:
    program = planned(STATEMENTS)
    everything = "".join(map(text_of, (program.data, program.model, program.train)))
    assert "plt" not in everything
    assert "head()" not in everything
    assert program.server_imports == ("torch",)


def test_functions_are_called_by_the_names_of_their_parameters() -> None:
    program = planned(FUNCTIONS)
    assert program.data.body[-1].text == "train_loader, test_loader = load_data(DATA_DIR)"
    assert program.model.body[-1].text == "net = Net()"
    assert program.train.body[-1].text == "train(net, train_loader, EPOCHS)"
    assert program.evaluate is not None
    assert program.evaluate.body[-1].text == "loss, accuracy = test(net, test_loader)"
    assert program.evaluate.results == ("loss", "accuracy")


def test_a_notebook_name_gives_the_stage_another_entry() -> None:
    program = planned(FUNCTIONS)
    assert (program.data.entry, program.train.entry) == ("load_site_data", "train_round")


def test_the_authors_own_calls_come_first() -> None:
    program = planned(
        FUNCTIONS
        + """
# %%
net = Net().to(DEVICE)
loader, held_out = load_data(DATA_DIR)
train(net, loader, epochs=3)
print(test(net, held_out))
"""
    )
    assert program.data.results == ("loader", "held_out")
    assert program.model.body[-1].text == "net = Net().to(DEVICE)"
    assert program.train.body[-1].text == "train(net, loader, epochs=3)"
    assert program.evaluate is not None
    assert program.evaluate.body[-1].text == "loss, accuracy = test(net, held_out)"
