"""One round, the same data and seed: a test notebook and what it compiles to give the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .corpus_habits import HELPERS
from .test_corpus import NOTEBOOKS, planned, site_values
from .truth import assert_same

# The notebook goes back to its best epoch and then evaluates, a federation evaluates the weights
# of the round and says so (NBF317): the rest is compared without that statement.
LEFT_OUT = {"best_saved": "model.load_state_dict(torch.load('tut1-model.pt'))"}
# The notebook's cells define a function that measures, and never call it.
NEVER_MEASURED = {"competition"}

# Entries of a dictionary travel by names of their own.
ENTRIES = {"by_key": {"enc": "models['enc']", "dec": "models['dec']", "models_x": "models['x']"}}


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the modules that lie beside the notebooks, where Python finds them."""
    for name, text in HELPERS.items():
        (tmp_path / name).write_text(text)
        sys.modules.pop(name.removesuffix(".py"), None)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_site_trains_and_measures_as_the_notebook_does(name: str, beside: Path) -> None:
    text = NOTEBOOKS[name]
    program = planned(text)
    if name in LEFT_OUT:
        assert LEFT_OUT[name] in text
        text = text.replace(LEFT_OUT[name], "pass")
    site = site_values(program, beside)
    assert_same(
        program,
        text,
        beside,
        site=site,
        measured=name not in NEVER_MEASURED,
        modules=ENTRIES.get(name),
    )
