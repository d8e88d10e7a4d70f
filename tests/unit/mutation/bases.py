"""Notebooks that compile, as cells with directives: what mutations begin with."""

from __future__ import annotations

from tests.e2e.study import CELLS
from tests.unit.plan.corpus_functions import FUNCTION_NOTEBOOKS
from tests.unit.plan.corpus_habits import HABIT_NOTEBOOKS, HELPERS
from tests.unit.plan.corpus_statements import STATEMENT_NOTEBOOKS

# Besides notebooks as people have them: one whose every cell is something that seldom occurs.
ODD = (
    """\
from __future__ import annotations
import torch, os.path as p
from torch import nn
import utils""",
    "# nbfed: requires numpy>=1.26\n%matplotlib inline\n!ls\nfiles = !ls\n%time t = 1",
    "# nbfed: params\nLR: float = 0.1  # step\nSIZES = [4, 8]\nNAMES = {'a': 1}\nA, B = 1, 2",
    "# nbfed: site\nfrom pathlib import Path\nROOT = Path('/data/st-mary')\nFILE: str = 'rows.csv'",
    "# nbfed: include\nwith open('labels.txt') as stream:\n    labels = stream.read().split()",
    """\
# nbfed: data
rows = utils.read(ROOT / FILE)
if (n := len(rows)) > 3:
    rows = rows[:n]
train_loader = torch.utils.data.DataLoader(rows, shuffle=True)
test_loader = torch.utils.data.DataLoader(rows)
# nbfed: model exchange=trainable
class Net(nn.Module):
    def __init__(self, *sizes, bias=(lambda: True)()):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


encoder = Net(2, *SIZES)
decoder = nn.Linear(SIZES[-1], 2)""",
    """\
count = 0
def bump(by=A):
    global count
    count += by
    def inner():
        nonlocal by
        by = 2
        return by
    return inner()
text = f"{count!r:>{B}} {'a' if count else 'b'}"
match count:
    case 0 | 1:
        kind = "few"
    case {"x": [first, *rest], **others}:
        kind = first
    case _:
        kind = None""",
    """\
# nbfed: train
opt = torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=LR)
try:
    for i, (x, y) in enumerate(train_loader):
        opt.zero_grad()
        loss = (decoder(encoder(x)) - y).pow(2).mean()
        loss.backward()
        opt.step()
        bump()
        del x, y
except* ValueError as errors:
    raise
else:
    loss = loss.item()
finally:
    steps = count""",
    """\
# nbfed: evaluate metrics=error,worst
encoder.eval(), decoder.eval()
errors = [(decoder(encoder(x)) - y).abs().max().item() for x, y in test_loader]
error, worst = sum(errors) / len(errors), max(errors, default=0.0)
if __name__ == "__main__":
    print(error)""",
    """\
# nbfed: strategy
from flwr.serverapp.strategy import FedAvg
strategy = FedAvg(fraction_train=1.0)""",
    "# nbfed: skip\nimport matplotlib.pyplot as plt\nplt.plot(errors)\nplt.show()",
)
UTILS = """\
import csv
from helpers.more import scale


def read(path):
    with open(path) as stream:
        return [[scale(float(value)) for value in row] for row in csv.reader(stream)]
"""
MORE = "FACTOR = 2\n\n\ndef scale(x):\n    return x * FACTOR\n"


def _cells(text: str) -> tuple[str, ...]:
    """Cells of the form that the plan's tests use: ``# %% ROLE OPTIONS`` above each."""
    found: list[str] = []
    for part in text.strip("\n").split("# %%")[1:]:
        head, _, source = part.partition("\n")
        directive = f"# nbfed: {head.strip()}\n" if head.strip() else ""
        found.append(directive + source.rstrip("\n"))
    return tuple(found)


CORPUS = {**FUNCTION_NOTEBOOKS, **HABIT_NOTEBOOKS, **STATEMENT_NOTEBOOKS}
BASES: tuple[tuple[str, ...], ...] = (CELLS, ODD, *map(_cells, CORPUS.values()))
HELPER_TEXTS = {**HELPERS, "utils.py": UTILS, "helpers/more.py": MORE, "helpers/__init__.py": ""}
