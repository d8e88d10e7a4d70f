"""Which statements do nothing but define, and what kinds of values they make."""

from __future__ import annotations

import pytest

from nbfed.analyse.facts import Facts, read_facts
from nbfed.analyse.kinds import Kind, kind_of_call
from nbfed.analyse.statements import statements_of
from nbfed.read.cells import Cell, Notebook

HEAD = """
import os, re, random
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
import torchvision.transforms as T
from torch.utils.data import DataLoader, Dataset
from pathlib import Path
from unknown import thing
def pure(a, b=2):
    values = [i * b for i in range(a)]
    values.append(a)
    return max(values)
def reads(path):
    return open(path).read()
def through(path):
    return reads(path)
def itself(n):
    return n if n < 2 else itself(n - 1)
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, 2)
        self.setup()
    def setup(self):
        self.fc.bias.data.fill_(0)
class Rows(Dataset):
    def __init__(self, path):
        self.rows = [path]
class Reader:
    def __init__(self):
        self.text = open("a")
class DiceLoss(nn.Module):
    pass
class CFG:
    lr = 1e-3
net = Net(3)
rows = Rows("a")
"""


def facts_of(source: str) -> Facts:
    text = f"{HEAD}{source}\n"
    notebook = Notebook("a.ipynb", (Cell(1, "code", text, text),))
    return read_facts(notebook, statements_of(notebook, ()))


HARMLESS = [
    *("import json", "x = 1", "x = [1, 2 * 3]", "x = np.arange(3)", "x = torch.device('cpu')"),
    *("x = nn.Linear(1, 2)", "x = T.Compose([T.ToTensor()])", "x = Path('a') / 'b'", "x = CFG.lr"),
    *(
        "x = pure(3)",
        "x = itself(3)",
        "x = Net(2)",
        "x = Net(2).to('cpu')",
        "x = lambda: open('a')",
    ),
    *("def f():\n    open('a')", "class A:\n    x = 1", "if x:\n    y = 2\nelse:\n    y = 3"),
    *("for i in range(3):\n    x = i", "x = [pure(i) for i in range(2)]", "x = 'a'.join(['b'])"),
    *("x = re.compile('a')", "x = os.path.join('a', 'b')", "x = {'a': 1}.get('a')", "x += 1"),
    *("x = torch.optim.Adam(net.parameters())", "print('a')", "x = len(rows)", "x[0] = 1"),
    *("x = os.environ.get('A')", "try:\n    import a\nexcept ImportError:\n    a = None"),
    *("match x:\n    case 1:\n        y = 2", "x = parser.parse_args([])", "del x", "x: int"),
]
HARMFUL = [
    *("x = open('a')", "x = pd.read_csv('a')", "x = reads('a')", "x = through('a')", "x = thing()"),
    *(
        "x = Reader()",
        "x = Rows('a')",
        "x = DataLoader(rows)",
        "x = torch.load('a')",
        "x = input()",
    ),
    *("with open('a') as f:\n    pass", "while x:\n    pass", "x = os.listdir('a')", "x = await y"),
    *(
        "if open('a'):\n    x = 1",
        "x = [reads(i) for i in y]",
        "x = np.load('a')",
        "x = y.train_it()",
    ),
    *("x = f'{reads(1)}'", "def f(a=reads('a')):\n    pass", "class A:\n    x = reads('a')"),
    *("x = parser.parse_args()", "random.seed(1)", "os.system('ls')", "exec('x = 1')"),
]


@pytest.mark.parametrize("source", HARMLESS)
def test_harmless(source: str) -> None:
    assert facts_of(source).facts[-1].harmless


@pytest.mark.parametrize("source", HARMFUL)
def test_harmful(source: str) -> None:
    assert not facts_of(source).facts[-1].harmless


KINDS = [
    ("Net(3)", Kind.MODULE),
    ("Net(3).to('cpu').train()", Kind.MODULE),
    ("nn.DataParallel(net)", Kind.MODULE),
    ("net if rows else None", Kind.MODULE),
    ("DiceLoss()", Kind.LOSS),
    ("nn.BCELoss()", Kind.LOSS),
    ("torch.optim.SGD(net.parameters(), lr=1)", Kind.OPTIMIZER),
    ("torch.optim.lr_scheduler.StepLR(o, 1)", Kind.SCHEDULER),
    ("Rows('b')", Kind.DATASET),
    ("DataLoader(rows)", Kind.LOADER),
    ("T.Resize(3)", Kind.TRANSFORM),
    ("torch.device('cpu')", Kind.DEVICE),
    ("1 / 3", Kind.NUMBER),
    ("f'{net}'", Kind.TEXT),
    ("[net]", Kind.CONTAINER),
    ("thing()", Kind.UNKNOWN),
]


@pytest.mark.parametrize(("expression", "kind"), KINDS)
def test_kinds(expression: str, kind: Kind) -> None:
    assert facts_of(f"x = {expression}").facts[-1].kinds["x"] is kind


CALLS = [
    ("torch.nn.Linear", Kind.MODULE),
    ("torch.nn.functional.relu", Kind.TENSOR),
    ("torch.nn.CrossEntropyLoss", Kind.LOSS),
    ("monai.losses.DiceCELoss", Kind.LOSS),
    ("monai.networks.nets.UNet", Kind.MODULE),
    ("monai.transforms.LoadImaged", Kind.TRANSFORM),
    ("monai.data.CacheDataset", Kind.DATASET),
    ("torchvision.models.resnet18", Kind.MODULE),
    ("torchvision.datasets.MNIST", Kind.DATASET),
    ("timm.create_model", Kind.MODULE),
    ("segmentation_models_pytorch.Unet", Kind.MODULE),
    ("segmentation_models_pytorch.losses.DiceLoss", Kind.LOSS),
    ("transformers.AutoModelForSequenceClassification.from_pretrained", Kind.MODULE),
    ("transformers.get_linear_schedule_with_warmup", Kind.SCHEDULER),
    ("torch.utils.data.DataLoader", Kind.LOADER),
    ("torch.utils.data.random_split", Kind.DATASET),
    ("albumentations.HorizontalFlip", Kind.TRANSFORM),
    ("pytorch_lightning.Trainer", Kind.TRAINER),
    ("sklearn.metrics.roc_auc_score", Kind.NUMBER),
    ("numpy.load", Kind.EFFECT),
    ("torch.load", Kind.EFFECT),
    ("hospital.read", Kind.UNKNOWN),
]


@pytest.mark.parametrize(("dotted", "kind"), CALLS)
def test_kinds_of_calls(dotted: str, kind: Kind) -> None:
    assert kind_of_call(dotted) is kind


def test_what_gives_its_argument_back_keeps_the_kind() -> None:
    found = facts_of(
        "def to_device(data, device):\n    return data.to(device)\nx = to_device(Net(2), 'cpu')"
    )
    assert found.facts[-1].kinds["x"] is Kind.MODULE


def test_a_function_tells_what_it_returns() -> None:
    found = facts_of(
        "def make():\n    inner = Net(2)\n    opt = torch.optim.SGD(inner.parameters())\n"
        "    return inner, opt\nx, y = make()"
    )
    assert found.facts[-1].kinds == {"x": Kind.MODULE, "y": Kind.OPTIMIZER}
