"""`train keep=` and `model exchange=`: what the program says of them, and the code it makes."""

from __future__ import annotations

import pytest

from nbfed.plan import plan
from nbfed.program import Program

from .notebooks import notebook

NOTEBOOK = """
# %%
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
# %% data
loader = DataLoader(TensorDataset(torch.zeros(2, 3), torch.zeros(2, 1)))
# %% model{model}
model = nn.Linear(3, 1)
# %%
optimizer = torch.optim.SGD(
    model.parameters(),
    lr=0.1,
)  # with momentum later
# %% train{train}
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
for x, y in loader:
    loss = (model(x) - y).square().mean()
    loss.backward()
    optimizer.step()
scheduler.step()
"""

FUNCTION = """
# %%
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
# %% data
loader = DataLoader(TensorDataset(torch.zeros(2, 3), torch.zeros(2, 1)))
# %% model
model = nn.Linear(3, 1)
# %% train keep=opt
def keep(x):
    return x

def fit(net, loader):
    größe = 1; opt = torch.optim.SGD(net.parameters(), lr=0.1)
    text = '''
  as it is'''
    for x, y in loader:
        loss = (net(keep(x)) - y).square().mean()
        loss.backward()
        opt.step()
fit(model, loader)
"""


def planned(text: str) -> tuple[Program | None, list[str]]:
    program, found = plan(*notebook(text), {})
    return program, [f"{d.code} {d.message}" for d in found]


def train_text(program: Program | None) -> str:
    assert program is not None
    return "\n".join(part.text for part in (*program.train.module, *program.train.body))


def test_kept_objects_pass_through_keep_where_they_are_made() -> None:
    text = NOTEBOOK.format(model="", train=" keep=optimizer,scheduler")
    program, found = planned(text)
    assert program is not None and program.keep == ("optimizer", "scheduler")
    made = train_text(program)
    assert 'optimizer = keep("optimizer", torch.optim.SGD(\n' in made
    assert "    lr=0.1,\n))  # with momentum later" in made
    assert 'scheduler = keep("scheduler", torch.optim.lr_scheduler.StepLR(optimizer, 1))' in made
    assert "from .keeping import keep" in [part.text for part in program.train.imports]
    assert not [each for each in found if each.startswith("NBF208")]


def test_nothing_is_kept_without_being_named() -> None:
    program, found = planned(NOTEBOOK.format(model="", train=""))
    assert program is not None and program.keep == () and program.exchange == ("all",)
    assert "keep" not in train_text(program)
    assert [each for each in found if each.startswith("NBF208")]


def test_inside_a_function_with_a_name_of_its_own() -> None:
    program, _ = planned(FUNCTION)
    made = train_text(program)
    line = '    größe = 1; opt = keep_state("opt", torch.optim.SGD(net.parameters(), lr=0.1))'
    assert line in made
    assert "'''\n  as it is'''" in made


def test_a_name_that_training_does_not_make_is_an_error() -> None:
    program, found = planned(NOTEBOOK.format(model="", train=" keep=optimiser"))
    assert "NBF323 `keep=optimiser`: no statement of training makes `optimiser`" in found
    assert program is None


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("trainable", ("trainable",)),
        ("all", ("all",)),
        ("encoder.*,head.bias", ("encoder.*", "head.bias")),
    ],
)
def test_what_is_exchanged(option: str, expected: tuple[str, ...]) -> None:
    program, _ = planned(NOTEBOOK.format(model=f" exchange={option}", train=""))
    assert program is not None and program.exchange == expected
