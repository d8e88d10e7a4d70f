"""One round at a site set beside the notebook: the same weights, and the same metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nbfed.program import Program
from nbfed.roles import Role

from .as_notebook import Notebook
from .fakes import fake_libraries
from .running import Site


def assert_same(
    program: Program,
    text: str,
    folder: Path,
    *,
    site: Mapping[str, Any] | None = None,
    measured: bool = True,
    modules: Mapping[str, str] | None = None,
) -> None:
    """Compare what ``text``, the notebook of ``program``, holds with what a site gives.

    ``site`` has the site's values; where nothing is ``measured``, the notebook never evaluates.
    ``modules`` has expressions for the modules to which the program gave names of its own.
    """
    torch.set_num_threads(1)
    with fake_libraries():
        expected = Notebook(program, text, site or {}, folder, modules or {}).seen
        here = Site(program, site or {}, folder)
        trained = here.train()
        found = dict(here.model.state_dict())
        evaluated = here.evaluate() if program.evaluate else {}
    assert list(found) == list(expected.weights)
    for entry, tensor in expected.weights.items():
        assert torch.equal(found[entry], tensor), entry
    _same_numbers(trained, expected.metrics[Role.TRAIN], [])
    if measured:
        _same_numbers(evaluated, expected.metrics[Role.EVALUATE], expected.printed_numbers())
    else:
        assert expected.metrics[Role.EVALUATE] == {}


def _same_numbers(found: Mapping[str, Any], kept: Mapping[str, Any], printed: list[str]) -> None:
    """Each number is the one that the notebook keeps by its name, or else one that it prints."""
    for name, value in found.items():
        if name in kept:
            assert float(value) == float(kept[name]), name
        else:
            rounded = [f"{float(value):.{len(text.partition('.')[2])}f}" for text in printed]
            assert any(a == b for a, b in zip(rounded, printed, strict=True)), (name, value)
