"""What each strategy of Flower makes of given replies, against the update in its paper.

The references are written from the papers, in float64 and for one flat vector.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict

from tests.runtime.server.conftest import Package
from tests.runtime.server.fake_grid import FakeGrid, FakeSite

Vector = npt.NDArray[np.float64]
# From the weights of a round to the sites' own, in order of their names.
Reference = Callable[[Vector, list[Vector]], Vector]

ROUNDS = 3
EXAMPLES = (10, 20, 30, 25, 15)
LOSSES = (0.5, 0.25, 0.75, 1.0, 0.125)
PULLS = np.random.default_rng(3).normal(0, 0.3, (5, 6))
PULLS[4] += 5.0
START = np.linspace(-1, 1, 6)


def trained(weights: Vector, site: int) -> Vector:
    """Each site goes part of the way to an optimum of its own; the last one's is far away."""
    return np.asarray(weights + 0.4 * (PULLS[site] - weights))


def mean(trained: list[Vector]) -> Vector:
    return np.average(trained, axis=0, weights=EXAMPLES)


def fedavg(_weights: Vector, trained: list[Vector]) -> Vector:
    """McMahan et al. 2017, arXiv:1602.05629, Algorithm 1."""
    return mean(trained)


class Momentum:
    """FedAvgM, Hsu et al. 2019, arXiv:1909.06335: v <- beta v + d, w <- w - lr v."""

    def __init__(self) -> None:
        self.v = np.zeros(6)

    def __call__(self, weights: Vector, trained: list[Vector]) -> Vector:
        self.v = 0.9 * self.v + (weights - mean(trained))
        return np.asarray(weights - 0.5 * self.v)


class Adaptive:
    """Reddi et al. 2021, arXiv:2003.00295, Algorithm 2, with beta_1 0.5, beta_2 0.9, tau 0.01.

    Flower begins with v = 0, and corrects FedAdam's rate for the bias of the first rounds as
    Kingma & Ba 2015 (arXiv:1412.6980, section 2) do, counting one round more than has been.
    """

    def __init__(self, name: str) -> None:
        self.name, self.m, self.v, self.round = name, np.zeros(6), np.zeros(6), 0

    def __call__(self, weights: Vector, trained: list[Vector]) -> Vector:
        self.round += 1
        rate, beta_1, beta_2, tau = 0.1, 0.5, 0.9, 0.01
        if self.name == "fedadagrad":
            beta_1 = 0.0
        delta = mean(trained) - weights
        self.m = beta_1 * self.m + (1 - beta_1) * delta
        if self.name == "fedadagrad":
            self.v = self.v + delta**2
        elif self.name == "fedyogi":
            self.v = self.v - (1 - beta_2) * delta**2 * np.sign(self.v - delta**2)
        else:
            self.v = beta_2 * self.v + (1 - beta_2) * delta**2
            later = self.round + 1
            rate *= np.sqrt(1 - beta_2**later) / (1 - beta_1**later)
        return np.asarray(weights + rate * self.m / (np.sqrt(self.v) + tau))


def fedmedian(_weights: Vector, trained: list[Vector]) -> Vector:
    """Yin et al. 2018, arXiv:1803.01498, Definition 1: the median of each coordinate."""
    return np.sort(np.array(trained), axis=0)[len(trained) // 2]


def fedtrimmedavg(_weights: Vector, trained: list[Vector]) -> Vector:
    """Yin et al. 2018, Definition 2: without the share beta of each coordinate's extremes."""
    return np.asarray(np.sort(np.array(trained), axis=0)[1:-1].mean(axis=0))


def krum_scores(trained: list[Vector], malicious: int) -> list[float]:
    """Blanchard et al. 2017, arXiv:1703.02757: squared distances to the n - f - 2 nearest."""
    scores = []
    for one in trained:
        distances = sorted(float(((one - other) ** 2).sum()) for other in trained)
        scores.append(sum(distances[1 : 1 + len(trained) - malicious - 2]))
    return scores


def krum(_weights: Vector, trained: list[Vector]) -> Vector:
    return trained[int(np.argmin(krum_scores(trained, 1)))]


def multikrum(_weights: Vector, trained: list[Vector]) -> Vector:
    chosen = np.argsort(krum_scores(trained, 1))[:3]
    return np.average(
        [trained[site] for site in chosen], axis=0, weights=[EXAMPLES[site] for site in chosen]
    )


def bulyan(_weights: Vector, trained: list[Vector]) -> Vector:
    """El Mhamdi et al. 2018, arXiv:1802.07927, with f = 0: all are chosen, all are averaged."""
    return np.asarray(np.mean(trained, axis=0))


def qfedavg(weights: Vector, trained: list[Vector]) -> Vector:
    """Li et al. 2020, arXiv:1905.10497, Algorithm 2, with q = 0.2 and L = 1 / 0.1."""
    q, lipschitz = 0.2, 10.0
    gradients = [lipschitz * (weights - one) for one in trained]
    deltas = [loss**q * g for loss, g in zip(LOSSES, gradients, strict=True)]
    h = sum(
        q * loss ** (q - 1) * float(g @ g) + lipschitz * loss**q
        for loss, g in zip(LOSSES, gradients, strict=True)
    )
    return np.asarray(weights - np.sum(deltas, axis=0) / h)


def scaffold(weights: Vector, trained: list[Vector]) -> Vector:
    """Karimireddy et al. 2020, arXiv:1910.06378, Algorithm 1, line 16: all sites alike."""
    return np.asarray(weights + 0.5 * (np.mean(trained, axis=0) - weights))


def fednova(weights: Vector, trained: list[Vector]) -> Vector:
    """Wang et al. 2020, arXiv:2007.07481, equation 8, with 2, 4, 6, ... local steps."""
    shares = np.array(EXAMPLES) / sum(EXAMPLES)
    steps = np.array([2.0 * (site + 1) for site in range(5)])
    directions = [(weights - one) / a for one, a in zip(trained, steps, strict=True)]
    step = sum(p * d for p, d in zip(shares, directions, strict=True))
    return np.asarray(weights - float(shares @ steps) * step)


ADAPTIVE = {"eta": 0.1, "beta_1": 0.5, "beta_2": 0.9, "tau": 0.01}
CASES: dict[str, tuple[dict[str, Any], Callable[[], Reference]]] = {
    "fedavg": ({}, lambda: fedavg),
    "fedavgm": ({"server_learning_rate": 0.5, "server_momentum": 0.9}, Momentum),
    "fedadam": (ADAPTIVE, lambda: Adaptive("fedadam")),
    "fedyogi": (ADAPTIVE, lambda: Adaptive("fedyogi")),
    "fedadagrad": ({"eta": 0.1, "tau": 0.01}, lambda: Adaptive("fedadagrad")),
    # The proximal term acts at the sites; see test_local_updates.
    "fedprox": ({"proximal_mu": 0.1}, lambda: fedavg),
    "fedmedian": ({}, lambda: fedmedian),
    "fedtrimmedavg": ({"beta": 0.2}, lambda: fedtrimmedavg),
    "krum": ({"num_malicious_nodes": 1}, lambda: krum),
    "multikrum": ({"num_malicious_nodes": 1, "num_nodes_to_select": 3}, lambda: multikrum),
    "bulyan": ({}, lambda: bulyan),
    "qfedavg": ({"client_learning_rate": 0.1, "q": 0.2, "train_loss_key": "loss"}, lambda: qfedavg),
    "scaffold": ({"server_learning_rate": 0.5}, lambda: scaffold),
    "fednova": ({}, lambda: fednova),
}


def record(values: Vector) -> ArrayRecord:
    return ArrayRecord({"w": Array(values.astype(np.float32))})


def site(package: Package, number: int) -> FakeSite:
    def train(message: Message) -> RecordDict:
        weights = message.content.array_records["arrays"]["w"].numpy().astype(np.float64)
        numbers = {"num-examples": EXAMPLES[number], "loss": LOSSES[number]}
        return RecordDict(
            {
                "arrays": record(trained(weights, number)),
                "metrics": MetricRecord(numbers),
                "control": record(np.zeros(6)),
                "steps": MetricRecord({"local-steps": 2.0 * (number + 1)}),
            }
        )

    return FakeSite(f"site{number}", package.settings.CLIENT_DIGEST, train=train)


@pytest.mark.parametrize("name", CASES)
def test_the_update_is_the_papers(server: Package, tmp_path: Path, name: str) -> None:
    options, reference = CASES[name]
    settings = server.settings.Settings.from_run_config(
        {
            "rounds": ROUNDS,
            "sites": json.dumps([f"site{number}" for number in range(5)]),
            "strategy": name,
            "strategy-options": json.dumps(options),
            "run-dir": str(tmp_path / "run"),
            "poll-seconds": 0.001,
        }
    )
    grid = FakeGrid([site(server, number) for number in range(5)])
    outcome = server.rounds.run_federation(grid, settings, initial=record(START))
    assert (outcome.outcome, outcome.reason) == ("finished", "")
    weights, update = START, reference()
    for _ in range(ROUNDS):
        weights = update(weights, [trained(weights, number) for number in range(5)])
    np.testing.assert_allclose(outcome.arrays["w"].numpy(), weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["fedadam", "fedavgm", "scaffold", "fednova", "qfedavg"])
def test_statistics_are_averaged_whatever_is_done_to_parameters(
    server: Package, tmp_path: Path, name: str
) -> None:
    """A step of an optimizer could make a variance negative."""
    settings = server.settings.Settings.from_run_config(
        {
            "rounds": 1,
            "sites": json.dumps(["a", "b"]),
            "strategy": name,
            "strategy-options": json.dumps(CASES[name][0]),
            "run-dir": str(tmp_path / "run"),
            "poll-seconds": 0.001,
        }
    )

    def replying(variance: float, examples: int) -> Callable[[Message], RecordDict]:
        def train(message: Message) -> RecordDict:
            arrays = ArrayRecord(dict(message.content.array_records["arrays"]))
            arrays["1.running_var"] = Array(np.full(4, variance, np.float32))
            floats = {k: a for k, a in arrays.items() if a.dtype == "float32"}
            zeros = {k: Array(np.zeros(a.shape, np.float32)) for k, a in floats.items()}
            return RecordDict(
                {
                    "arrays": arrays,
                    "metrics": MetricRecord({"num-examples": examples, "loss": 0.5}),
                    "control": ArrayRecord(zeros),
                    "steps": MetricRecord({"local-steps": float(examples)}),
                }
            )

        return train

    digest = server.settings.CLIENT_DIGEST
    sites = [
        FakeSite("a", digest, train=replying(0.01, 1)),
        FakeSite("b", digest, train=replying(0.03, 3)),
    ]
    outcome = server.rounds.run_federation(FakeGrid(sites), settings)
    assert outcome.reason == ""
    np.testing.assert_allclose(outcome.arrays["1.running_var"].numpy(), 0.025, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("scaffold", {"control": None}, "no control variate"),
        ("scaffold", {"control": np.zeros(5)}, "does not fit the model"),
        ("scaffold", {"control": np.full(6, np.nan)}, "is not finite"),
        ("fednova", {"steps": None}, "no step of an optimizer"),
        ("fednova", {"steps": float("nan")}, "no step of an optimizer"),
        ("fednova", {"steps": 0.0}, "no step of an optimizer"),
    ],
)
def test_a_reply_without_what_was_asked_for_is_not_used(
    server: Package, tmp_path: Path, name: str, change: dict[str, Any], reason: str
) -> None:
    def broken(message: Message) -> RecordDict:
        content = honest(message)
        for key, value in change.items():
            del content[key]
            if isinstance(value, float):
                content[key] = MetricRecord({"local-steps": value})
            elif value is not None:
                content[key] = record(value)
        return content

    sites = [site(server, number) for number in range(3)]
    honest = sites[0].train
    assert honest is not None
    sites[0].train = broken
    settings = server.settings.Settings.from_run_config(
        {
            "rounds": 1,
            "sites": json.dumps(["site0", "site1", "site2"]),
            "min-sites": 2,
            "strategy": name,
            "run-dir": str(tmp_path / "run"),
            "poll-seconds": 0.001,
        }
    )
    outcome = server.rounds.run_federation(FakeGrid(sites), settings, initial=record(START))
    assert outcome.outcome == "finished"
    events = map(json.loads, (tmp_path / "run" / "events.jsonl").read_text().splitlines())
    (failed,) = [event for event in events if event["event"] == "site-failed"]
    assert failed["site"] == "site0" and reason in failed["reason"]
