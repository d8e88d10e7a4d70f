"""One round, the same data and seed: a test notebook and what it compiles to give the same."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from nbfed.roles import Role

from .as_notebook import Notebook
from .corpus_habits import HELPERS
from .fakes import fake_libraries
from .running import Site
from .test_corpus import NOTEBOOKS, planned, site_values

# The notebook goes back to its best epoch and then evaluates, a federation evaluates the weights
# of the round and says so (NBF317): the rest is compared without that statement.
LEFT_OUT = {"best_saved": "model.load_state_dict(torch.load('tut1-model.pt'))"}
# The notebook's cells define a function that measures, and never call it.
NEVER_MEASURED = {"competition"}


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
    torch.set_num_threads(1)
    program = planned(NOTEBOOKS[name])
    values = site_values(program, beside)
    text = NOTEBOOKS[name]
    if name in LEFT_OUT:
        assert LEFT_OUT[name] in text
        text = text.replace(LEFT_OUT[name], "pass")
    with fake_libraries():
        expected = Notebook(program, text, values, beside).seen
        site = Site(program, values, beside)
        trained = site.train()
        found = dict(site.model.state_dict())
        measured = site.evaluate() if program.evaluate else {}
    assert list(found) == list(expected.weights)
    for entry, tensor in expected.weights.items():
        assert torch.equal(found[entry], tensor), entry
    _same(trained, expected.metrics[Role.TRAIN], [])
    if name in NEVER_MEASURED:
        assert expected.metrics[Role.EVALUATE] == {}
    else:
        _same(measured, expected.metrics[Role.EVALUATE], expected.printed_numbers())


def _same(found: Mapping[str, Any], kept: Mapping[str, Any], printed: list[str]) -> None:
    """Each number is the one that the notebook keeps by its name, or else one that it prints."""
    for name, value in found.items():
        if name in kept:
            assert float(value) == float(kept[name]), name
        else:
            rounded = [f"{float(value):.{len(text.partition('.')[2])}f}" for text in printed]
            assert any(a == b for a, b in zip(rounded, printed, strict=True)), (name, value)
