"""Weights that travel in half precision: what changes, which is the rounding, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .sites import federation, program
from .test_local_updates import flat

NORMED = "model = nn.Sequential(nn.Linear(3, 1), nn.BatchNorm1d(1))"
STRATEGIES: dict[str, dict[str, Any]] = {
    "fedavg": {},
    "fedmedian": {},
    "fedprox": {"proximal_mu": 0.7},
    "fedadam": {"eta": 0.01},
    "scaffold": {},
    "fednova": {},
}


def stypes(content: Any) -> dict[str, str]:
    return {
        name: array.stype
        for record in content.array_records.values()
        for name, array in record.items()
    }


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_it_changes_little_but_the_bytes(tmp_path: Path, strategy: str) -> None:
    options = STRATEGIES[strategy]
    with federation(program(model=NORMED), tmp_path) as here:
        exact = here.run(strategy, options=options, run_dir=str(tmp_path / "exact"))
        for site in here.sites:
            site.restart()
            site.got.clear()
            site.sent.clear()
        outcome = here.run(strategy, options=options, transport_precision="half")
        assert flat_of(outcome) == pytest.approx(flat_of(exact), rel=2e-2, abs=2e-3)
        assert flat_of(outcome) != flat_of(exact)
        # The server's own weights, and what it saves, are of full precision, as they were.
        kept = here.server("exchange").load(outcome.folder / "model.safetensors")
        for name, array in exact.arrays.items():
            assert (outcome.arrays[name].dtype, outcome.arrays[name].stype) == (
                array.dtype,
                "numpy.ndarray",
            )
            np.testing.assert_array_equal(kept[name].numpy(), outcome.arrays[name].numpy())
        for site in here.sites:
            letters = [message.content for message in site.got if message.content.array_records]
            assert len(letters) == 4
            for content in (*letters, *(sent for sent in site.sent if sent.array_records)):
                travelling = stypes(content)
                assert travelling.pop("1.num_batches_tracked") == "numpy.ndarray"
                assert set(travelling.values()) == {"half"}
        sent, before = (
            [e["bytes_out"] for e in here.events(run) if e["event"] == "site-replied"]
            for run in (outcome, exact)
        )
        assert sum(sent) < 0.5 * sum(before)


def flat_of(outcome: Any) -> list[float]:
    values = [array.numpy().ravel() for array in outcome.arrays.values()]
    return np.concatenate(values).astype(np.float64).tolist()  # type: ignore[no-any-return]


def test_what_is_not_finite_is_refused_as_ever(tmp_path: Path) -> None:
    broken = "train_loss = 0.0\nwith torch.no_grad():\n    model.weight.fill_(float('nan'))"
    with federation(program(train=broken), tmp_path) as here:
        settings = here.settings("fedavg", {}, transport_precision="half")
        outcome = here.server("server_app").run(here.grid(), settings)
        assert outcome.outcome == "aborted"
        assert set(here.failures(outcome)) == {"its weights are not finite: 'weight'"}


def test_a_run_goes_on_in_the_precision_that_it_had(tmp_path: Path) -> None:
    with federation(program(), tmp_path) as here:
        whole = here.run(transport_precision="half", rounds=3)
        for site in here.sites:
            site.restart()
        part = str(tmp_path / "part")
        here.run(transport_precision="half", rounds=2, run_dir=part)
        resume = here.server("resume")
        with pytest.raises(here.server("settings").SettingsError, match="transport-precision"):
            resume.resumed_settings(Path(part), {"rounds": 3, "transport-precision": "full"})
        settings = resume.resumed_settings(Path(part), {"rounds": 3})
        outcome = here.server("server_app").run(here.grid(), settings)
        np.testing.assert_array_equal(flat(outcome.arrays), flat(whole.arrays))
