"""Notebooks of any size, written as people write them: few cells count, most explore and plot."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

# What a federation needs, in the notebook's order, with the share of the notebook above it.
ROLE_CELLS = (
    (0.0, "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt"),
    (
        0.0,
        """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset""",
    ),
    (
        0.02,
        """\
# nbfed: params
LR = 0.01  # step size
EPOCHS = 2
BATCH_SIZE = 32
HIDDEN = 16
SEED = 7""",
    ),
    (0.02, '# nbfed: site\nDATA_FILE = "data/rows.csv"'),
    (0.03, 'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")'),
    (
        0.06,
        """\
# nbfed: data
table = pd.read_csv(DATA_FILE)
features = [name for name in table.columns if name != "label"]
x = torch.tensor(table[features].to_numpy(), dtype=torch.float32)
y = torch.tensor(table["label"].to_numpy(), dtype=torch.float32)
x = scaled(x)
cut = int(len(x) * 0.8)
train_loader = DataLoader(TensorDataset(x[:cut], y[:cut]), batch_size=BATCH_SIZE, shuffle=True)
test_loader = DataLoader(TensorDataset(x[cut:], y[cut:]), batch_size=BATCH_SIZE)""",
    ),
    (
        0.45,
        """\
class Net(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, x):
        return self.layers(x).squeeze(1)""",
    ),
    (0.5, "# nbfed: model\nmodel = Net(12, HIDDEN).to(device)"),
    (
        0.5,
        """\
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=LR)""",
    ),
    (
        0.7,
        """\
# nbfed: train
losses = []
model.train()
for epoch in range(EPOCHS):
    for xb, yb in train_loader:
        xb, yb = xb.to(device), yb.to(device)
        optimizer.zero_grad()
        loss = criterion(model(xb), yb) + penalty(model)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
train_loss = float(np.mean(losses))""",
    ),
    (
        0.85,
        """\
# nbfed: evaluate metrics=accuracy
model.eval()
right = 0
with torch.no_grad():
    for xb, yb in test_loader:
        right += ((model(xb.to(device)) > 0).cpu() == (yb > 0.5)).sum().item()
accuracy = rounded(right / len(test_loader.dataset))""",
    ),
)
# Helper functions that the cells above use; each of them uses another one.
HELPERS = (
    (0.05, "def centred(values):\n    return values - values.mean(dim=0)"),
    (
        0.05,
        "def scaled(values):\n    return centred(values) / values.std(dim=0)",
    ),
    (
        0.4,
        "WEIGHT = 1e-4\ndef squares(net):\n    return sum(p.norm() for p in net.parameters())",
    ),
    (0.4, "def penalty(net):\n    return WEIGHT * squares(net)"),
    (0.8, "def rounded(value, digits=4):\n    return round(float(value), digits)"),
)
_EXPLORING = (
    "table.head()",
    "table.describe().T",
    "print(table.shape, len(features))",
    "%matplotlib inline\nplt.rcParams['figure.figsize'] = (8, 4)",
    "!nvidia-smi | head -n {n}",
    "%%time\nvalues = [value ** 2 for value in range({n})]\nsum(values)",
)
_PLOTTING = (
    """\
fig, axes = plt.subplots(1, 3, figsize=(12, 4))
for ax, name in zip(axes, list(table.columns)[:3]):
    ax.hist(table[name], bins={n}, alpha=0.7)
    ax.set_title(f"{{name}} ({n} bins)")
plt.tight_layout()
plt.show()""",
    """\
shown = table.sample({n}, random_state=SEED)
shown["ratio"] = shown.iloc[:, 0] / (shown.iloc[:, 1] + 1e-6)
plt.scatter(shown["ratio"], shown.iloc[:, 2], c=shown["label"], cmap="coolwarm")
plt.xlabel("ratio")
plt.colorbar()
plt.savefig("figures/ratio_{n}.png")""",
    """\
counts = table["label"].value_counts()
colours = ["#4c72b0", "#dd8452"]
plt.bar([str(key) for key in counts.index], counts.values, color=colours)
plt.title("Labels, take {n}")""",
)
_HELPING = """\
def summary_{n}(frame, columns=None, digits={d}):
    \"\"\"Rows and means, as a table.\"\"\"
    columns = columns or list(frame.columns)
    result = {{}}
    for column in columns:
        values = frame[column].dropna()
        if len(values) == 0:
            continue
        result[column] = {{"rows": len(values), "mean": round(values.mean(), digits)}}
    return pd.DataFrame(result).T{extra}


summary = summary_{n}(table)
print(summary.loc[:, "mean"].sort_values())"""
_REDEFINING = """\
# try {n}
batch_size = {n}
names = [name.strip().lower() for name in table.columns]
index = {{name: place for place, name in enumerate(names)}}
scores = {{}}
for name, place in index.items():
    if place % {d} == 0:
        scores[name] = place * batch_size
    else:
        scores[name] = None
best = max((score for score in scores.values() if score is not None), default=0)
text = f"best of {{len(scores)}}: {{best:.{d}f}}"
print(text)"""
_CLASS = """\
class Probe{n}(nn.Module):
    def __init__(self, width={n}):
        super().__init__()
        self.first = nn.Linear(12, width)
        self.second = nn.Linear(width, 1)

    def forward(self, x):
        return torch.sigmoid(self.second(torch.relu(self.first(x))))


probe = Probe{n}()
print(sum(p.numel() for p in probe.parameters()))"""
_TEXT = "## Step {n}\n\nThe patients of group {n} differ, see the *figure* below and table {d}."


def notebook(cells: int, seed: int = 0) -> dict[str, object]:
    """The JSON of a notebook with this many cells, the same for the same arguments."""
    chance = random.Random(seed)
    needed = sorted([*ROLE_CELLS, *HELPERS], key=lambda cell: cell[0])
    fillers = max(cells - len(needed), 0)
    listed: list[dict[str, object]] = []
    made = 0
    for share, source in needed:
        while made < share * fillers:
            listed.append(_filler(chance, made))
            made += 1
        listed.append(_code(source, len(listed)))
    listed += [_filler(chance, number) for number in range(made, fillers)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": listed,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def notebook_bytes(cells: int, seed: int = 0) -> bytes:
    """The bytes of such a notebook's file."""
    return json.dumps(notebook(cells, seed), indent=1).encode()


def _filler(chance: random.Random, number: int) -> dict[str, object]:
    kind = chance.random()
    values = {"n": number + 3, "d": chance.randint(2, 5), "extra": ""}
    if kind < 0.2:
        text = _TEXT.format(**values)
        return {"cell_type": "markdown", "id": f"m{number}", "metadata": {}, "source": _lines(text)}
    if kind < 0.4:
        return _code(chance.choice(_EXPLORING).format(**values), number, chance)
    if kind < 0.6:
        return _code(chance.choice(_PLOTTING).format(**values), number, chance)
    if kind < 0.75:
        if number > 20 and chance.random() < 0.3:
            values["extra"] = ".round(digits)"
        return _code(_HELPING.format(**values), number, chance)
    return _code((_REDEFINING if kind < 0.95 else _CLASS).format(**values), number, chance)


def _code(source: str, number: int, chance: random.Random | None = None) -> dict[str, object]:
    outputs = list(_outputs(chance)) if chance else []
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"c{number}-{len(source)}",
        "metadata": {},
        "outputs": outputs,
        "source": _lines(source),
    }


def _outputs(chance: random.Random) -> Iterator[dict[str, object]]:
    """Half of the cells have an output, a fifth of them a picture."""
    if chance.random() < 0.5:
        text = "".join(f"{chance.random():.6f}\n" for _ in range(8))
        yield {"name": "stdout", "output_type": "stream", "text": _lines(text)}
    if chance.random() < 0.1:
        picture = "".join(chance.choices("ABCDEFGHabcdefgh01234567+/", k=20_000))
        data = {"image/png": picture, "text/plain": ["<Figure size 640x480>"]}
        yield {"data": data, "metadata": {}, "output_type": "display_data"}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
