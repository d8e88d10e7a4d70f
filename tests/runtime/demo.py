"""A small program, as the compiler would understand it, and its packages on disk."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from nbfed.emit import Build, Manifest, Names, Requirements
from nbfed.emit.packages import output_tree
from nbfed.federation.schema import Federation
from nbfed.program import Argument, Fragment, Origin, Parameter, Program, SiteKey, Stage
from nbfed.roles import Role

IMPORTS = (
    Fragment(2, 1, "import numpy as np"),
    Fragment(2, 2, "import torch"),
    Fragment(2, 3, "from torch import nn"),
    Fragment(2, 4, "from torch.utils.data import DataLoader, TensorDataset"),
)

LOAD = """\
table = np.loadtxt(DATA_FILE, delimiter=",", dtype=np.float32, skiprows=1)
rows = torch.tensor(table)
cut = len(rows) * 3 // 4
train_loader = DataLoader(
    TensorDataset(rows[:cut, :3], rows[:cut, 3:]), batch_size=BATCH, shuffle=True
)
test_loader = DataLoader(TensorDataset(rows[cut:, :3], rows[cut:, 3:]), batch_size=BATCH)"""

TRAIN = """\
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
total = 0.0
for _ in range(EPOCHS):
    for features, target in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(features), target)
        loss.backward()
        optimizer.step()
        total += loss.item()
train_loss = total / (EPOCHS * len(train_loader))"""

EVALUATE = """\
model.eval()
right = count = 0
with torch.no_grad():
    for features, target in test_loader:
        right += ((model(features) > 0).float() == target).sum().item()
        count += len(target)
accuracy = right / count"""

PARAMETERS = (
    Parameter("LR", "float", "0.1", 3, 1),
    Parameter("EPOCHS", "int", "1", 3, 2),
    Parameter("BATCH", "int", "8", 3, 3),
    Parameter("HIDDEN", "int", "4", 3, 4),
)

SITES = ("budapest", "cleveland", "zurich")


def program(*, train: str = TRAIN, load: str = LOAD, evaluate: str = EVALUATE) -> Program:
    """The program of a small notebook; with the code of some stages in place of its own."""
    model = Argument("model", Origin.MODEL)
    return Program(
        notebook="demo.ipynb",
        params=PARAMETERS,
        site=(SiteKey("DATA_FILE", "str", 4, 1),),
        data=Stage(
            Role.DATA,
            "load_data",
            (
                Argument("DATA_FILE", Origin.SITE, "str"),
                Argument("BATCH", Origin.PARAMS, "int"),
            ),
            imports=IMPORTS,
            body=(Fragment(5, 1, load),),
            results=("train_loader", "test_loader"),
        ),
        model=Stage(
            Role.MODEL,
            "build_model",
            (Argument("HIDDEN", Origin.PARAMS, "int"),),
            imports=IMPORTS[1:3],
            body=(
                Fragment(
                    6,
                    1,
                    "model = nn.Sequential(nn.Linear(3, HIDDEN), nn.BatchNorm1d(HIDDEN), "
                    "nn.ReLU(),\n    nn.Dropout(0.1), nn.Linear(HIDDEN, 1))",
                ),
            ),
            results=("model",),
        ),
        train=Stage(
            Role.TRAIN,
            "train",
            (
                model,
                Argument("train_loader", Origin.DATA),
                Argument("LR", Origin.PARAMS, "float"),
                Argument("EPOCHS", Origin.PARAMS, "int"),
            ),
            imports=IMPORTS[1:3],
            body=(Fragment(7, 2, train),),
            results=("train_loss",),
        ),
        evaluate=Stage(
            Role.EVALUATE,
            "evaluate",
            (model, Argument("test_loader", Origin.DATA)),
            imports=IMPORTS[1:2],
            body=(Fragment(8, 1, evaluate),),
            results=("accuracy",),
        ),
        train_examples="train_loader",
        evaluate_examples="test_loader",
    )


def without_evaluation(made: Program) -> Program:
    return replace(made, evaluate=None, evaluate_examples="")


FEDERATION = Federation.from_text(
    "name: demo\nrounds: 2\nseed: 7\njoin_timeout: 60\nround_timeout: 120\nsites:\n"
    + "".join(f"  {site}: {{params: {{DATA_FILE: {site}.csv}}}}\n" for site in SITES)
)


def write_packages(
    made: Program, folder: Path, *, name: str = "demo", federation: Federation = FEDERATION
) -> Build:
    """Write the packages of ``made`` into ``folder``: server/, client/, flower-app/."""
    names = Names(name)
    tree = output_tree(made, federation, names, Requirements((), ()))
    for path, data in tree.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    digests = {"client_digest": tree.client_digest, "server_digest": tree.server_digest}
    manifest = Manifest(name, "0", "demo.ipynb", "", files={}, **digests)
    return Build(folder, names, manifest, changed=True)


def write_data(folder: Path, *, rows: int = 40) -> dict[str, str]:
    """Write one file a site, each of another size, and return their names by site."""
    files = {}
    for number, site in enumerate(SITES):
        draw = random.Random(site)
        lines = ["a,b,c,label"]
        for _ in range(rows + 8 * number):
            values = [draw.gauss(0, 1) for _ in range(3)]
            label = int(values[0] - values[1] + draw.gauss(0, 0.3) > 0)
            lines.append(",".join(f"{value:.4f}" for value in values) + f",{label}")
        (folder / f"{site}.csv").write_text("\n".join(lines) + "\n")
        files[site] = f"{site}.csv"
    return files
