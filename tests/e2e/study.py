"""A small study: a marked notebook with its federation.yaml and one file of data a site."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path

SITES = ("north", "south", "west")
ROWS = {"north": 40, "south": 30, "west": 20}

CELLS = (
    """\
import csv

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset""",
    "# nbfed: params\nLR = 0.1\nBATCH = 8",
    "# nbfed: site\nDATA_FILE = 'north.csv'",
    """\
# nbfed: data
with open(DATA_FILE) as stream:
    rows = [[float(value) for value in row] for row in csv.reader(stream)]
table = torch.tensor(rows)
cut = len(table) * 3 // 4
train_loader = DataLoader(TensorDataset(table[:cut, :2], table[:cut, 2]), BATCH, shuffle=True)
test_loader = DataLoader(TensorDataset(table[cut:, :2], table[cut:, 2]), BATCH)""",
    "# nbfed: model\nmodel = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))",
    """\
# nbfed: train
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y)
    loss.backward()
    optimizer.step()""",
    """\
# nbfed: evaluate metrics=accuracy
model.eval()
right = 0
for x, y in test_loader:
    with torch.no_grad():
        right += ((model(x).squeeze(1) > 0) == (y > 0.5)).sum().item()
accuracy = right / len(test_loader.dataset)""",
    "print(accuracy)",
)

# The same with a model whose width the data give: a site tells it to the server.
SIZED = tuple(cell.replace("nn.Linear(2, 4)", "nn.Linear(table.shape[1] - 1, 4)") for cell in CELLS)

FEDERATION = """\
name: study
notebook: study.ipynb
rounds: 2
seed: 7
join_timeout: 120
sites:
  north: {params: {DATA_FILE: north.csv}}
  south: {params: {DATA_FILE: south.csv}}
  west: {params: {DATA_FILE: west.csv}, overrides: {LR: 0.05}}
"""


def write_study(folder: Path, cells: Iterable[str] = CELLS, federation: str = FEDERATION) -> Path:
    """Write the study's files into the folder, and return the notebook's path."""
    folder.mkdir(parents=True, exist_ok=True)
    notebook = folder / "study.ipynb"
    notebook.write_text(notebook_text(cells), encoding="utf-8")
    (folder / "federation.yaml").write_text(federation, encoding="utf-8")
    for site in SITES:
        (folder / f"{site}.csv").write_text(rows(site), encoding="utf-8")
    return notebook


def notebook_text(cells: Iterable[str]) -> str:
    listed = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(cells, 1)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": listed,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook)


def rows(site: str) -> str:
    """Two features and a label that depends on them, different for each site."""
    chance = random.Random(site)
    lines = []
    for _ in range(ROWS[site]):
        a, b = chance.gauss(0, 1), chance.gauss(SITES.index(site) / 2, 1)
        lines.append(f"{a:.4f},{b:.4f},{int(a + b > 0.5)}")
    return "\n".join(lines) + "\n"
