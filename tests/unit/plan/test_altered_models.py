"""Whatever a notebook does to its model before it trains is done to the federation's as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbfed.plan import plan

from .notebooks import notebook
from .truth import assert_same

HEAD = """
# %%
import copy, itertools
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.init as weight_init
from torch import optim
from torch.nn.init import constant_, xavier_uniform_
from torch.nn.utils import parameters_to_vector, vector_to_parameters
# %% data
x = torch.randn(16, 4)
batches = [(x[i:i + 8], (x[i:i + 8, 0] > 0).long()) for i in (0, 8)]
# %% model
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.body = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU())
        self.fc = nn.Linear(4, 2)
    def forward(self, x):
        for block in self.blocks:
            x = torch.tanh(block(x))
        return self.fc(self.body(x))
def fill(m):
    if isinstance(m, nn.Linear):
        nn.init.constant_(m.weight, 0.3)
def unfreeze(m, n):
    for p in list(m.parameters())[-n:]:
        p.requires_grad = True
net = Net()
"""
TRAIN = """
opt = optim.SGD(net.parameters(), lr=0.1)
for rows, labels in batches:
    loss = F.cross_entropy(net(rows), labels)
    opt.zero_grad(); loss.backward(); opt.step()
"""
ALTERED = {
    "a tuple of iterators": "for m in (*net.body.modules(), *net.fc.modules()):\n    fill(m)",
    "own function in a loop": "for m in net.modules():\n    fill(m)",
    "a slice of a list": "for p in list(net.parameters())[:-2]:\n    p.requires_grad = False",
    "counted": "for i, p in enumerate(net.parameters()):\n    p.requires_grad = i > 3",
    "a loop in a loop": (
        "for i, child in enumerate(net.children()):\n    if i < 2:\n"
        "        for p in child.parameters():\n            p.requires_grad = False"
    ),
    "parts": "for block in net.blocks[:1]:\n    nn.init.eye_(block.weight)",
    "a list of parts": "for part in [net.body, net.fc]:\n    part.apply(fill)",
    "a chain": (
        "for p in itertools.chain(net.body.parameters(), net.fc.parameters()):\n"
        "    p.requires_grad = False"
    ),
    "two at once": (
        "other = Net()\nfor p, q in zip(net.parameters(), other.parameters()):\n"
        "    p.data.copy_(q.data * 2)"
    ),
    "a comprehension": "[p.requires_grad_(False) for p in net.body.parameters()]",
    "another name": "head = net.fc\nnn.init.zeros_(head.weight)",
    "imported functions": "xavier_uniform_(net.fc.weight)\nconstant_(net.fc.bias, 0.5)",
    "a module by another name": "weight_init.zeros_(net.fc.weight)",
    "torch's own": "nn.utils.parametrizations.weight_norm(net.fc)",
    "a vector": (
        "size = parameters_to_vector(net.parameters()).numel()\n"
        "vector_to_parameters(torch.full((size,), 0.05), net.parameters())"
    ),
    "in place": "with torch.no_grad():\n    for p in net.parameters():\n        p *= 0.5",
    "a state that is altered": (
        "sd = net.state_dict()\nsd['fc.bias'] = torch.tensor([0.3, -0.3])\nnet.load_state_dict(sd)"
    ),
    "the result of apply": "_ = net.apply(fill)",
    "getattr": "nn.init.zeros_(getattr(net, 'fc').weight)",
    "a dictionary": "named = dict(net.named_parameters())\nnamed['fc.weight'].data.fill_(0.2)",
    "map": "list(map(fill, net.modules()))",
    "a function with a loop": (
        "for p in net.parameters():\n    p.requires_grad = False\nunfreeze(net, 2)"
    ),
    "a hook": "for p in net.parameters():\n    p.register_hook(lambda g: g.clamp(-0.01, 0.01))",
    "a copy that is kept": (
        "start = copy.deepcopy(net)\nfor p in start.parameters():\n    p.data += 1"
    ),
}
PLACES = {
    "model": "{alter}\n# %% train{train}",
    "unmarked": "# %%\n{alter}\n# %% train{train}",
    "train": "# %% train\n{alter}{train}",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ALTERED)
def test_what_alters_the_model_is_compiled(name: str, place: str, tmp_path: Path) -> None:
    text = HEAD + PLACES[place].format(alter=ALTERED[name], train=TRAIN)
    program, problems = plan(*notebook(text), {})
    assert program is not None, problems
    assert_same(program, text, tmp_path)


@pytest.mark.parametrize(
    "name", ["own function in a loop", "parts", "imported functions", "in place", "torch's own"]
)
def test_weights_that_training_begins_with_are_filled_once_and_not_every_round(name: str) -> None:
    text = HEAD + PLACES["train"].format(alter=ALTERED[name], train=TRAIN)
    program, _ = plan(*notebook(text), {})
    assert program is not None
    made = "\n".join(part.text for part in program.model.body)
    trained = "\n".join(part.text for part in program.train.body)
    for line in ALTERED[name].splitlines():
        assert line.strip() in made
        assert line.strip() not in trained
