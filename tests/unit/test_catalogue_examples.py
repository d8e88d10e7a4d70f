"""What ``nbfed explain`` shows as wrong is found wrong, and what it shows as right is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbfed.catalogue import CATALOGUE, Entry
from nbfed.compilation import compile_sources
from nbfed.sources import read_sources
from tests.unit.notebooks import as_bytes, notebook_json

# About what is not there, so that nothing may be added.
WHOLE = {"NBF110"}
# Raised by a build's own folder, which no notebook shows.
AT_THE_OUTPUT = {"NBF501", "NBF502"}

# What an example takes for granted.
AROUND = """\
import lightning as L
import numpy as np
import os
import pandas as pd
import random
import torch
import matplotlib.pyplot as plt
import torchvision
from pathlib import Path
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, Dataset
from zipfile import ZipFile
class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.layer = nn.Linear(width, 2)
    def forward(self, x):
        return self.layer(x)
class Rows(Dataset):
    def __init__(self, rows):
        self.rows = rows
class Scans(Rows):
    pass
class Options:
    width = 4
    def load(self):
        self.width = int(open("width").read())
scaler = StandardScaler()
def read_width():
    return int(open("width").read())
def fit(model, lr):
    for x, y in loader:
        model(x).sum().backward()"""
ROLES = {
    "data": "# nbfed: data\nloader = DataLoader(Rows(pd.read_csv('rows.csv')))",
    "model": "# nbfed: model\nmodel = Net()",
    "train": "# nbfed: train\nfor x, y in loader:\n    model(x).sum().backward()",
}


def completed(code: str, example: str) -> bytes:
    """The notebook that an example is a part of; a whole file begins with a brace or a tag."""
    if example.startswith(("{", "<")):
        return example.encode()
    cells = example.split("\n# %%\n")
    if code in WHOLE:
        return as_bytes(notebook_json(AROUND, *cells))
    before = [text for role, text in ROLES.items() if f"nbfed: {role}" not in example]
    after = [before.pop()] if before and "train" in before[-1] else []
    return as_bytes(notebook_json(AROUND, *before, *cells, *after))


def found(code: str, example: str, folder: Path) -> set[str]:
    path = folder / "a.ipynb"
    path.write_bytes(completed(code, example))
    return {each.code for each in compile_sources(read_sources(path, None)).diagnostics}


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.code)
def test_the_example_shows_the_case(entry: Entry, tmp_path: Path) -> None:
    assert entry.before and entry.after
    if entry.code in AT_THE_OUTPUT:
        return
    assert entry.code in found(entry.code, entry.before, tmp_path)
    assert entry.code not in found(entry.code, entry.after, tmp_path)
