from __future__ import annotations

import pytest

from nbfed.plan import plan

from .notebooks import notebook

NOTEBOOK = """
# %%
from torch import nn
from tqdm import tqdm
class Trainer:
    def __init__(self, model, train, val):
        self.model, self.train, self.val = model, train, val
    def fit(self):
        for x, y in self.train:
            self.model(x).sum().backward()
# %% include
def load():
    return open("rows")
# %% data
val_loader, train_loader, y_test, X_train, other = load(), load(), load(), load(), load()
# %% model
model = nn.Linear(2, 1)
# %% train
{code}
"""


@pytest.mark.parametrize(
    ("code", "examples"),
    [
        ("Trainer(model, train_loader, val_loader).fit()", "train_loader"),
        ("Trainer(model, other, val_loader).fit()", "other"),
        (
            "print(y_test)\nwith tqdm(range(0, len(X_train), 8)) as bar:\n    for i in bar:\n"
            "        model(X_train[i]).sum().backward()",
            "X_train",
        ),
    ],
)
def test_the_training_data_count(code: str, examples: str) -> None:
    program, problems = plan(*notebook(NOTEBOOK.format(code=code)), {})
    assert program is not None, problems
    assert program.train_examples == examples
