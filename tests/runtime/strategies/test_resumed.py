"""A run that dies in a round and goes on comes to the very weights of one that did not.

Server and sites lose all that they had in memory: what they need is on their disks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Message

from tests.runtime.server.fake_grid import FakeGrid

from .sites import LocalFederation, federation, program
from .test_local_state import KEPT, NORMED, kept_program

NORMED_PROGRAM = program(model=NORMED)
CASES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "fedavgm": (NORMED_PROGRAM, "fedavgm", {"server_momentum": 0.9}),
    "fedadam": (NORMED_PROGRAM, "fedadam", {"eta": 0.05}),
    "fedyogi": (program(), "fedyogi", {"eta": 0.05}),
    "scaffold": (NORMED_PROGRAM, "scaffold", {}),
    "scaffold, two of three": (program(), "scaffold", {"fraction_train": 0.67}),
    "fednova": (NORMED_PROGRAM, "fednova", {}),
    "fedbn": (NORMED_PROGRAM, "fedbn", {}),
    "kept optimizer": (kept_program(KEPT), "fedavg", {}),
    "fedprox": (program(), "fedprox", {"proximal_mu": 0.5}),
}
ROUNDS, CUT_IN = 5, 3


class PowerCut(BaseException):
    """Ends the server as SIGKILL would: nothing is written any more."""


def cut_at_the_second_site(here: LocalFederation) -> list[Any]:
    """In round CUT_IN one site has trained and kept its state when the power fails."""
    answers = [site.answer for site in here.sites]
    trained: list[str] = []

    def dying(message: Message, site: Any, answer: Any) -> Any:
        config = message.content.config_records["config"]
        if message.metadata.message_type == "train" and config["server-round"] == CUT_IN:
            if trained:
                raise PowerCut
            trained.append(site.name)
        return answer(message)

    for site, answer in zip(here.sites, answers, strict=True):
        site.answer = lambda message, s=site, a=answer: dying(message, s, a)  # type: ignore[method-assign]
    return answers


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_equals_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    made, strategy, options = CASES[case]
    with federation(made, tmp_path) as here:
        for site in here.sites:
            site.node["state-dir"] = str(tmp_path / "kept" / site.name)
        config = {"rounds": ROUNDS, "min_sites": 2}
        whole = here.run(strategy, options=options, run_dir=str(tmp_path / "whole"), **config)

        answers = cut_at_the_second_site(here)
        run = tmp_path / "cut"
        settings = here.settings(strategy, options, run_dir=str(run), **config)
        with monkeypatch.context() as patch, pytest.raises(PowerCut):
            patch.setattr(here.server("run_folder").RunFolder, "finish", lambda *_a, **_k: None)
            here.server("server_app").run(FakeGrid(here.sites), settings)  # type: ignore[arg-type]

        for site, answer in zip(here.sites, answers, strict=True):
            site.answer = answer  # type: ignore[method-assign]
            site.restart()
        resumed = here.server("resume").resumed_settings(run, {})
        outcome = here.server("server_app").run(FakeGrid(here.sites), resumed)  # type: ignore[arg-type]
        events = here.events(outcome)
    assert (outcome.outcome, outcome.rounds_done) == ("finished", ROUNDS)
    (again,) = [event for event in events if event["event"] == "run-resumed"]
    assert (again["rounds_done"], again["strategy_restarts"]) == (CUT_IN - 1, [])
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(outcome.arrays[name].numpy(), array.numpy(), name)
