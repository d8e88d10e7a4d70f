"""One round at one site does what the notebook does: the same weights, the same metrics."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
import torch

from nbfed.plan import plan

from .notebooks import notebook
from .running import Site

# Weights and rows are fixed, so that nothing depends on when which seed was set.
STATEMENTS = """
# %%
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
# %% data
rows = torch.arange(24.).reshape(12, 2) / 24
targets = (rows.sum(1) > 1).float()
loader = DataLoader(TensorDataset(rows, targets), batch_size=4)
# %%
scale = 1.0
scale *= 2
# %% model
model = nn.Linear(2, 1)
nn.init.constant_(model.weight, 0.1)
nn.init.zeros_(model.bias)
# %%
for p in model.parameters():
    p.data.add_(0.05)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
criterion = nn.BCEWithLogitsLoss()
history = []
# %% train
for epoch in range(3):
    total = 0.0
    for x, y in loader:
        loss = scale * criterion(model(x).squeeze(1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    history.append(total)
    train_loss = total / len(loader)
# %% evaluate
model.eval()
with torch.no_grad():
    scores = model(rows).squeeze(1)
    accuracy = ((scores > 0).float() == targets).float().mean().item()
test_loss = criterion(scores, targets).item()
"""

FUNCTIONS = """
# %%
import torch
from torch import nn
width = 2
def make_net(width=2):
    net = nn.Sequential(nn.Linear(width, 3), nn.Tanh(), nn.Linear(3, 1))
    for p in net.parameters():
        nn.init.constant_(p, 0.2)
    return net
# %% data
def load():
    rows = torch.arange(20.).reshape(10, width) / 10
    return [(rows[i:i + 5], rows[i:i + 5].sum(1, keepdim=True)) for i in (0, 5)], rows
# %% model
net = make_net()
# %% train
best = None
def fit(model, batches, epochs, lr=0.05):
    global best
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        for x, y in batches:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            best = loss.item() if best is None else min(best, loss.item())
    return model, best
# %% evaluate
def evaluate(model, batches):
    model.eval()
    with torch.no_grad():
        return {"mse": sum(loss_fn(model(x), y).item() for x, y in batches) / len(batches)}
# %%
loss_fn = nn.MSELoss()
batches, rows = load()
net, lowest = fit(net, batches, epochs=4)
results = evaluate(net, batches)
"""

CLASSES = """
# %%
import copy
import torch
from torch import nn
settings = {"lr": 0.1}
settings["epochs"] = 2
# %% data
class Rows:
    def __init__(self, n):
        self.x = torch.linspace(-1, 1, n).unsqueeze(1)
    def batches(self, size):
        for i in range(0, len(self.x), size):
            yield self.x[i:i + size], self.x[i:i + size] ** 2
data = Rows(12)
# %% model
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(1, 4)
        nn.init.constant_(self.fc.weight, 0.3)
        nn.init.constant_(self.fc.bias, 0.1)
    def forward(self, x):
        return torch.relu(self.fc(x))
class Decoder(Encoder):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 1)
        nn.init.constant_(self.fc.weight, 0.2)
        nn.init.constant_(self.fc.bias, 0.0)
    def forward(self, x):
        return self.fc(x)
encoder, decoder = Encoder(), Decoder()
# %% train
class Loop:
    def __init__(self, parts, lr):
        self.parts = parts
        self.optimizer = torch.optim.SGD([p for m in parts for p in m.parameters()], lr=lr)
    def run(self, epochs):
        for _ in range(epochs):
            for x, y in data.batches(4):
                loss = (decoder(encoder(x)) - y).pow(2).mean()
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
loop = Loop((encoder, decoder), settings["lr"])
loop.run(settings["epochs"])
# %% evaluate
encoder.eval()
with torch.no_grad():
    mae = (decoder(encoder(data.x)) - data.x ** 2).abs().mean()
"""


def run_as_notebook(text: str) -> dict[str, Any]:
    """The names of the notebook after its cells have run from top to bottom."""
    found, _ = notebook(text)
    space: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in found.cells:
            exec(compile(cell.source, f"cell {cell.index}", "exec"), space)
    return space


@pytest.mark.parametrize(
    ("text", "models", "metrics"),
    [
        pytest.param(STATEMENTS, ("model",), ("accuracy", "test_loss"), id="statements"),
        pytest.param(FUNCTIONS, ("net",), ("mse",), id="functions"),
        pytest.param(CLASSES, ("encoder", "decoder"), ("mae",), id="classes, several modules"),
    ],
)
def test_a_round_is_what_the_notebook_does(
    text: str, models: tuple[str, ...], metrics: tuple[str, ...], tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    space = run_as_notebook(text)
    program, problems = plan(*notebook(text), {})
    assert program is not None, problems
    assert program.model.results == models
    site = Site(program, {}, tmp_path)
    site.train()
    trained = site.model.state_dict()
    if len(models) == 1:
        expected = dict(space[models[0]].state_dict())
    else:
        expected = {f"{m}.{k}": v for m in models for k, v in space[m].state_dict().items()}
    assert trained.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(trained[name], value), name
    found = site.evaluate()
    given = space if metrics[0] in space else space["results"]
    assert {name: float(found[name]) for name in metrics} == {
        name: float(given[name]) for name in metrics
    }


def test_a_second_round_starts_afresh_but_for_the_weights(tmp_path: Path) -> None:
    program, _ = plan(*notebook(FUNCTIONS), {})
    assert program is not None
    site = Site(program, {}, tmp_path)
    start = {name: value.clone() for name, value in site.model.state_dict().items()}
    first = site.train()
    after_one = {name: value.clone() for name, value in site.model.state_dict().items()}
    site.model.load_state_dict(start)
    assert site.train() == first
    for name, value in site.model.state_dict().items():
        assert torch.equal(value, after_one[name])
