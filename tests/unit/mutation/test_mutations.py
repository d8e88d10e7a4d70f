"""No notebook, however bent or broken, gets anything but a program or diagnostics.

``NBFED_EXAMPLES=5000 pytest tests/unit/mutation`` looks further than the usual run, at other
examples each time. What it finds becomes a case of FOUND.
"""

from __future__ import annotations

import os
import warnings
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.mutation.bases import BASES, HELPER_TEXTS
from tests.unit.mutation.checking import check
from tests.unit.mutation.mutations import (
    as_data,
    as_notebook,
    mutated_cells,
    mutated_helpers,
    mutated_json,
)
from tests.unit.notebooks import as_bytes, notebook_json, percent

FEW = 100
EXAMPLES = int(os.environ.get("NBFED_EXAMPLES", FEW))
# The usual run is the same everywhere: it guards what holds, and a larger one looks for more.
thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="NBFED_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
CHANCE = st.randoms(use_true_random=False)


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Mutated code makes Python's own compiler warn."""
    warnings.simplefilter("ignore")


@pytest.mark.parametrize("cells", BASES, ids=[base[0][:20] for base in BASES])
def test_what_mutations_begin_with_compiles(cells: tuple[str, ...]) -> None:
    assert check(as_bytes(notebook_json(*cells)), HELPER_TEXTS) is not None


@thorough
@given(CHANCE)
def test_mutated_cells(chance: Random) -> None:
    content = as_notebook(chance, mutated_cells(chance))
    check(as_data(content), mutated_helpers(chance))


@thorough
@given(CHANCE)
def test_mutated_json(chance: Random) -> None:
    check(as_data(mutated_json(chance)), HELPER_TEXTS)


FOUND = [
    pytest.param(
        """\
# nbfed: data
loader = torch.utils.data.DataLoader([1])
# nbfed: model
class Net(torch.nn.Module):
    pass
# %%
# nbfed: train
model = Net()
# nbfed: skip
for x in loader:
    model(x).backward()
# %%
# nbfed: evaluate
loss = model(1).item()""",
        id="all that has the role train makes the model",
    ),
    pytest.param(
        """\
def step(net):
    net(1).backward()
# %%
def run(net):
    step(net)
# %%
def step(net):
    return net
# %%
run(torch.nn.Linear(1, 1))""",
        id="the function that trains is defined anew",
    ),
]


@pytest.mark.parametrize("source", FOUND)
def test_what_was_found_before(source: str) -> None:
    check(as_bytes(notebook_json(*percent(source))), HELPER_TEXTS)
