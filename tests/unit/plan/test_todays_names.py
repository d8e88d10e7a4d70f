from __future__ import annotations

import pytest

from nbfed.plan import plan

from .notebooks import notebook
from .running import module_text

NOTEBOOK = """
# %%
import numpy as np
from matplotlib import pyplot as plt
from torch import nn
# %% include
def load():
    return open("rows")
# %% data
loader = load()
# %% model
model = nn.Linear(2, 1)
# %% train
{line}
for x, y in loader:
    model(x).sum().backward()
"""


def compiled(line: str) -> tuple[str, list[str]]:
    program, problems = plan(*notebook(NOTEBOOK.format(line=line)), {})
    assert program is not None, problems
    return module_text(program, program.train), [p.code for p in problems if p.code == "NBF324"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("best = np.Inf", "best = np.inf"),
        ("best, least = -np.Inf, np.NaN", "best, least = -np.inf, np.nan"),
        ("x = np.zeros(3, dtype=np.float)", "x = np.zeros(3, dtype=float)"),
        ("é = 'é'; best = np.Inf", "é = 'é'; best = np.inf"),
        ("it = iter(loader)\nx = it.next()", "x = next(it)"),
        ("x, y = iter(loader).next()", "x, y = next(iter(loader))"),
        ("if True:\n    best = np.Inf", "    best = np.inf"),
        (
            "if __name__ == '__main__':\n    if True:\n        plt.plot(1)\n        best = np.Inf",
            "        pass  # nbfed: dropped plt.plot(1)\n        best = np.inf",
        ),
    ],
)
def test_names_of_former_versions_are_written_as_today(old: str, new: str) -> None:
    text, found = compiled(old)
    assert new in text
    assert found == ["NBF324"]


@pytest.mark.parametrize(
    "line",
    ["best = np.inf", "x = np.zeros(3, dtype=np.float32)", "x = np.int64(3)", "x = queue.next()"],
)
def test_names_of_today_stay_as_they_are(line: str) -> None:
    text, found = compiled(f"queue = list()\n{line}")
    assert line in text
    assert found == []
