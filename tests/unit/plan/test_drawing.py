from __future__ import annotations

from nbfed.plan import plan

from .notebooks import notebook
from .running import module_text

BEGINNING = """
# %%
import torch
import wandb
import matplotlib.pyplot as plt
from torch import nn
# %% include
def load():
    return open("rows")
# %% data
train_loader, test_loader = load(), load()
# %% model
model = nn.Linear(2, 1)
"""


def test_a_function_that_tests_and_tracks_goes_on_testing() -> None:
    program, problems = plan(
        *notebook(
            BEGINNING
            + """
# %%
def test(model, loader):
    model.eval()
    total = 0
    for x, y in loader:
        total += (model(x) - y).abs().item()
    print("mean error: %.3f" % (total / len(loader)))
    wandb.log({"error": total / len(loader)})
# %% train
for x, y in train_loader:
    model(x).sum().backward()
# %% evaluate
test(model, test_loader)
"""
        ),
        {},
    )
    assert program is not None, problems
    assert program.evaluate is not None
    text = module_text(program, program.evaluate)
    assert "pass  # nbfed: dropped wandb.log" in text
    assert "import wandb" not in text
    assert program.evaluate.results


def test_a_function_that_trains_by_another_and_draws_goes_on_training() -> None:
    program, problems = plan(
        *notebook(
            BEGINNING
            + """
# %%
def step(model, loader):
    for x, y in loader:
        model(x).sum().backward()
def fit(model, loader):
    step(model, loader)
    plt.plot([1])
def show(model):
    plt.plot([model.weight.sum().item()])
# %% train
fit(model, train_loader)
show(model)
"""
        ),
        {},
    )
    assert program is not None, problems
    text = module_text(program, program.train)
    assert "\n    fit(model, train_loader)" in text
    assert "\n    show(model)" not in text
