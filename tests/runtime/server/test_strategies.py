from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord
from flwr.serverapp import strategy as flower

from .conftest import Package
from .fake_grid import FakeGrid, FakeSite

OPTIONS: dict[str, dict[str, Any]] = {
    "fedavg": {},
    "fedavgm": {"server_learning_rate": 0.5, "server_momentum": 0.9},
    "fedadam": {"eta": 0.1, "beta_1": 0.9},
    "fedyogi": {"eta": 0.1},
    "fedadagrad": {"eta": 0.1, "tau": 0.01},
    "fedprox": {"proximal_mu": 0.1},
    "fedmedian": {},
    "fedtrimmedavg": {"beta": 0.2},
    "krum": {"num_malicious_nodes": 1},
    "multikrum": {"num_malicious_nodes": 1, "num_nodes_to_select": 3},
    "bulyan": {"num_malicious_nodes": 0},
    "qfedavg": {"client_learning_rate": 0.1, "q": 0.2, "train_loss_key": "loss"},
}


def start() -> ArrayRecord:
    return ArrayRecord(
        {
            "w": Array(np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)),
            "half": Array(np.ones(2, np.float16)),
            "count": Array(np.array(5, np.int64)),
            "mask": Array(np.array([True, False])),
        }
    )


def run(
    server: Package, folder: Any, name: str, options: dict[str, Any], steps: list[float]
) -> Any:
    digest = server.settings.CLIENT_DIGEST
    names = [f"site{number}" for number in range(len(steps))]
    sites = [FakeSite(n, digest, step=step) for n, step in zip(names, steps, strict=True)]
    settings = server.settings.Settings.from_run_config(
        {
            "rounds": 2,
            "sites": json.dumps(names),
            "strategy": name,
            "strategy-options": json.dumps(options),
            "run-dir": str(folder),
            "poll-seconds": 0.001,
        }
    )
    return server.rounds.run_federation(FakeGrid(sites), settings, initial=start())


@pytest.mark.parametrize("name", OPTIONS)
def test_every_strategy_runs_with_all_types_of_entries(
    server: Package, tmp_path: Any, name: str
) -> None:
    outcome = run(server, tmp_path / "run", name, OPTIONS[name], [1.0, 1.0, 2.0, 1.0, 1.0])
    assert (outcome.outcome, outcome.reason) == ("finished", "")
    assert server.exchange.check_like(outcome.arrays, start()) is None
    assert not np.array_equal(outcome.arrays["w"].numpy(), start()["w"].numpy())


@pytest.mark.parametrize("name", ["fedmedian", "fedtrimmedavg", "krum", "multikrum"])
def test_robust_strategies_drop_an_outlier(server: Package, tmp_path: Any, name: str) -> None:
    outcome = run(server, tmp_path / "run", name, OPTIONS[name], [1.0, 1.0, 1e3, 1.0, 1.0])
    change = outcome.arrays["w"].numpy() - start()["w"].numpy()
    assert np.allclose(change, 2.0)


def test_fedavgm_is_the_papers_update(server: Package, tmp_path: Any) -> None:
    # Hsu et al. 2019, arXiv:1909.06335: v <- beta v + delta, w <- w - lr v, with delta = w - mean.
    outcome = run(server, tmp_path / "run", "fedavgm", OPTIONS["fedavgm"], [1.0, 3.0])
    weight, velocity = 0.0, 0.0
    for _ in range(2):
        velocity = 0.9 * velocity - 2.0
        weight -= 0.5 * velocity
    assert np.allclose(outcome.arrays["w"].numpy() - start()["w"].numpy(), weight, atol=1e-6)


def test_fedprox_sends_its_coefficient(server: Package, tmp_path: Any) -> None:
    made = server.strategies.make_strategy("fedprox", {"proximal_mu": 0.3})
    assert isinstance(made, flower.FedProx) and made.proximal_mu == 0.3


def test_names_and_options_are_spelled_freely(server: Package) -> None:
    made = server.strategies.make_strategy("FedAvg-M", {"server-momentum": 0.5})
    assert isinstance(made, flower.FedAvgM) and made.server_momentum == 0.5


@pytest.mark.parametrize(("name", "needed"), [("bulyan", 7), ("krum", 5), ("multikrum", 5)])
def test_too_few_sites_are_told_before_the_run(
    server: Package, tmp_path: Any, name: str, needed: int
) -> None:
    options = {"num_malicious_nodes": 1}
    with pytest.raises(server.settings.SettingsError, match=f"needs {needed} sites a round"):
        run(server, tmp_path / "run", name, options, [1.0] * (needed - 1))
    assert run(server, tmp_path / "run", name, options, [1.0] * needed).outcome == "finished"


def test_a_missing_training_metric_is_told(server: Package, tmp_path: Any) -> None:
    options = {"client_learning_rate": 0.1, "train_loss_key": "train_loss"}
    outcome = run(server, tmp_path / "run", "qfedavg", options, [1.0])
    assert outcome.outcome == "aborted" and "'train_loss'" in outcome.reason


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("fedavgg", {}, "unknown strategy 'fedavgg' (did you mean 'fedavg"),
        ("feddyn", {}, "there are: bulyan, fedadagrad"),
        ("fedadam", {"etta": 1}, "unknown option 'etta' of fedadam (did you mean 'eta'?)"),
        ("fedadam", {"eta": "big"}, "'eta' of fedadam is 'big', but should be a number above 0"),
        ("fedadam", {"beta_1": 1.0}, "a number in [0, 1)"),
        ("krum", {"num_malicious_nodes": 0.5}, "should be a whole number of at least 0"),
        ("multikrum", {"num_nodes_to_select": 0}, "a whole number of at least 1"),
        ("fedprox", {"proximal_mu": True}, "a number of at least 0"),
        ("fedprox", {"proximal_mu": float("nan")}, "a number of at least 0"),
        ("fedprox", {}, "needs the option 'proximal_mu'"),
        ("scaffold", {"server_learning_rate": 0}, "a number above 0"),
        ("fedavg", {"fraction_train": 0}, "(0, 1]"),
        ("fedavg", {"min_available_nodes": 5}, "unknown option"),
        ("fedtrimmedavg", {"beta": 0.7}, "[0, 0.5)"),
        ("qfedavg", {"client_learning_rate": 0.1, "train_loss_key": 3}, "should be a text"),
        ("qfedavg", {}, "needs the option 'client_learning_rate'"),
    ],
)
def test_a_wrong_name_or_option_is_told(
    server: Package, name: str, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(server.settings.SettingsError) as caught:
        server.strategies.make_strategy(name, options)
    assert text in str(caught.value)
