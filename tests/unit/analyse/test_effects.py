from __future__ import annotations

import pytest

from nbfed.analyse.facts import read_facts
from nbfed.analyse.statements import statements_of
from tests.unit.plan.notebooks import notebook

DEFINED = """\
# %%
import torch
def freeze(net, rate=1):
    for p in net.parameters():
        p.requires_grad = False
def prepare(net, table):
    freeze(net=net)
    table["x"] = 1
def look(net):
    return [p.sum() for p in net.parameters()]
def train(net):
    net.weight.data.zero_()
    net(1).backward()
def again(items, n):
    again(items, n - 1)
    items.append(n)
class Config:
    def set_width(self, width):
        self.width = width
    def show(self):
        print(self.width)
# %%
"""


@pytest.mark.parametrize(
    ("call", "changed"),
    [
        ("freeze(model)", {"model"}),
        ("freeze(model.head)", {"model"}),
        ("freeze(net=model)", {"model"}),
        ("if fast:\n    freeze(model)", {"model"}),
        ("prepare(model, df)", {"model", "df"}),
        ("again(rows, 3)", {"rows"}),
        ("config.set_width(3)", {"config"}),
        ("look(model)", set()),
        ("train(model)", set()),
        ("config.show()", set()),
        ("torch.set_width(3)", set()),
    ],
)
def test_what_a_call_changes(call: str, changed: set[str]) -> None:
    read, regions = notebook(DEFINED + call)
    facts = read_facts(read, statements_of(read, regions))
    assert facts.statements[-1].names.changes == changed
