"""What a strategy adds at the sites, against the whole algorithm of its paper.

The notebook's code knows nothing of it: it is gradient descent on least squares. The references
are written from the papers, in numpy and float64, each with all of the sites and the server.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from nbfed.program import Fragment, Stage
from nbfed.roles import Role
from tests.runtime.server.fake_grid import FakeGrid

from .sites import EPOCHS, RATE, ROWS, SITES, TRAIN, federation, program, tables

Vector = npt.NDArray[np.float64]
ROUNDS = 3


def gradient(weights: Vector, table: npt.NDArray[np.float64]) -> Vector:
    """Of the mean squared error; the last weight is the bias."""
    inputs = np.column_stack([table[:, :3], np.ones(len(table))])
    error = inputs @ weights - table[:, 3]
    return np.asarray(2 * inputs.T @ error / len(table))


def shares() -> dict[str, float]:
    return {site: ROWS[site] / sum(ROWS.values()) for site in SITES}


def fedprox(start: Vector, mu: float) -> Vector:
    """Li et al. 2020, arXiv:1812.06127: each site minimises F_k(w) + mu/2 |w - w_t|^2."""
    data, weights = tables(), start
    for _ in range(ROUNDS):
        made = {}
        for site in SITES:
            own = weights.copy()
            for _ in range(EPOCHS[site]):
                own = own - RATE * (gradient(own, data[site]) + mu * (own - weights))
            made[site] = own
        weights = np.sum([shares()[site] * made[site] for site in SITES], axis=0)
    return weights


def scaffold(start: Vector, rate: float) -> Vector:
    """Karimireddy et al. 2020, arXiv:1910.06378, Algorithm 1, option II."""
    data, x, c = tables(), start, np.zeros(4)
    own = {site: np.zeros(4) for site in SITES}
    for _ in range(ROUNDS):
        moves, changes = [], []
        for site in SITES:
            y = x.copy()
            for _ in range(EPOCHS[site]):
                y = y - RATE * (gradient(y, data[site]) - own[site] + c)
            new = own[site] - c + (x - y) / (EPOCHS[site] * RATE)
            moves.append(y - x)
            changes.append(new - own[site])
            own[site] = new
        x = x + rate * np.mean(moves, axis=0)
        c = c + np.sum(changes, axis=0) / len(SITES)
    return x


def fednova(start: Vector, momentum: float) -> Vector:
    """Wang et al. 2020, arXiv:2007.07481, equation 8 with section 4.1's a_i for momentum.

    The weight of the gradient of step k in the site's update is (1 - rho^(tau - k)) / (1 - rho).
    """
    data, weights = tables(), start
    for _ in range(ROUNDS):
        total, effective = np.zeros(4), 0.0
        for site in SITES:
            own, velocity = weights.copy(), np.zeros(4)
            for _ in range(EPOCHS[site]):
                velocity = momentum * velocity + gradient(own, data[site])
                own = own - RATE * velocity
            tau = EPOCHS[site]
            a = [(1 - momentum ** (tau - k)) / (1 - momentum) for k in range(tau)]
            total = total + shares()[site] * (weights - own) / (RATE * sum(a))
            effective += shares()[site] * sum(a)
        weights = weights - effective * RATE * total
    return weights


MOMENTUM = TRAIN.replace("lr=0.1", "lr=0.1, momentum=0.5")
CASES: dict[str, tuple[str, str, dict[str, Any], Callable[[Vector], Vector]]] = {
    "fedprox": ("fedprox", TRAIN, {"proximal_mu": 0.7}, lambda start: fedprox(start, 0.7)),
    "fedprox without the term": ("fedprox", TRAIN, {"proximal_mu": 0}, lambda s: fedprox(s, 0)),
    "scaffold": ("scaffold", TRAIN, {}, lambda start: scaffold(start, 1.0)),
    "scaffold, slower": (
        "scaffold",
        TRAIN,
        {"server_learning_rate": 0.5},
        lambda start: scaffold(start, 0.5),
    ),
    "fednova": ("fednova", TRAIN, {}, lambda start: fednova(start, 0.0)),
    "fednova with momentum": ("fednova", MOMENTUM, {}, lambda start: fednova(start, 0.5)),
}


def flat(arrays: Any) -> Vector:
    parts = [arrays["weight"].numpy().ravel(), arrays["bias"].numpy()]
    return np.concatenate(parts).astype(np.float64)


@pytest.mark.parametrize("case", CASES)
def test_the_algorithm_is_the_papers(tmp_path: Path, case: str) -> None:
    name, train, options, reference = CASES[case]
    with federation(program(train=train), tmp_path) as here:
        settings = here.settings(name, options)
        start = flat(here.server("initial").initial_arrays(settings))
        outcome = here.run(name, options=options)
    np.testing.assert_allclose(flat(outcome.arrays), reference(start), rtol=2e-4, atol=2e-5)


def test_the_cases_are_not_all_the_same() -> None:
    start = np.array([0.1, -0.2, 0.3, 0.0])
    plain = fedprox(start, 0.0)
    for other in (fedprox(start, 0.7), scaffold(start, 1.0), fednova(start, 0.0)):
        assert np.abs(other - plain).max() > 0.01


CHECKED = TRAIN.replace(
    "    optimizer.step()",
    """\
    before = [parameter.grad.clone() for parameter in model.parameters()]
    optimizer.step()
    same = [torch.equal(p.grad, b) for p, b in zip(model.parameters(), before)]
    assert all(same), "the notebook's gradients were changed\"""",
)


@pytest.mark.parametrize(
    ("name", "options"), [("fedprox", {"proximal_mu": 0.5}), ("scaffold", {}), ("fednova", {})]
)
def test_the_notebook_sees_its_own_gradients_and_no_hook_remains(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    with federation(program(train=CHECKED), tmp_path) as here:
        here.run(name, options=options)
    assert not _global_optimizer_pre_hooks and not _global_optimizer_post_hooks


@pytest.mark.parametrize("name", ["fedprox", "scaffold"])
def test_hooks_are_removed_after_a_failure(tmp_path: Path, name: str) -> None:
    failing = TRAIN + "\nraise ValueError('no')"
    with federation(program(train=failing), tmp_path) as here:
        options = {"proximal_mu": 0.5} if name == "fedprox" else {}
        settings = here.settings(name, options)
        outcome = here.server("server_app").run(FakeGrid(here.sites), settings)
    assert outcome.outcome == "aborted"
    assert not _global_optimizer_pre_hooks and not _global_optimizer_post_hooks


LBFGS = """\
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=1)


def closure():
    optimizer.zero_grad()
    loss = (model(inputs) - target).square().mean()
    loss.backward()
    return loss


train_loss = optimizer.step(closure).item()"""


def test_an_optimizer_with_a_closure_gets_the_term_too(tmp_path: Path) -> None:
    """LBFGS's first step is min(1, 1/|g|_1) lr g, so what it saw can be told from its step."""
    twice = LBFGS.replace(
        "train_loss",
        "with torch.no_grad():\n    for p in model.parameters():\n        p += 1.0\ntrain_loss",
    )
    mu = 0.5
    with federation(program(train=twice), tmp_path) as here:
        settings = here.settings("fedprox", {"proximal_mu": mu})
        start = flat(here.server("initial").initial_arrays(settings))
        here.run("fedprox", options={"proximal_mu": mu}, rounds=1)
        sent = {site.name: flat(site.sent[1]["arrays"]) for site in here.sites}
    for site, table in tables().items():
        wanted = gradient(start + 1.0, table) + mu * np.ones(4)
        step = min(1.0, 1.0 / np.abs(wanted).sum()) * 0.1
        np.testing.assert_allclose(sent[site], start + 1.0 - step * wanted, rtol=1e-4, atol=1e-5)


WRAPPED = """\
class Lookahead(torch.optim.Optimizer):
    def __init__(self, inner):
        self.inner = inner
        super().__init__(inner.param_groups, {})

    def step(self, closure=None):
        return self.inner.step(closure)


optimizer = Lookahead(torch.optim.SGD(model.parameters(), lr=0.1))
""" + TRAIN.partition("\n")[2]


def test_a_step_within_a_step_counts_once(tmp_path: Path) -> None:
    with federation(program(train=WRAPPED), tmp_path) as here:
        start = flat(here.server("initial").initial_arrays(here.settings("scaffold", {})))
        outcome = here.run("scaffold")
    np.testing.assert_allclose(flat(outcome.arrays), scaffold(start, 1.0), rtol=2e-4, atol=2e-5)


OTHERS = TRAIN.replace(
    "optimizer = ",
    "other = nn.Linear(3, 1)\nwith torch.no_grad():\n    other.weight.zero_()\n"
    "extra = torch.optim.SGD(other.parameters(), lr=0.1)\n"
    "other.weight.grad = torch.zeros(1, 3)\nother.bias.grad = torch.zeros(1)\n"
    "extra.step()\nassert not other.weight.any()\noptimizer = ",
    1,
)


def test_other_models_parameters_are_left_alone(tmp_path: Path) -> None:
    with federation(program(train=OTHERS), tmp_path) as here:
        start = flat(here.server("initial").initial_arrays(here.settings("fednova", {})))
        outcome = here.run("fednova")
    np.testing.assert_allclose(flat(outcome.arrays), fednova(start, 0.0), rtol=2e-4, atol=2e-5)


STRANGE = """\
from flwr.serverapp.strategy import FedProx
strategy = FedProx(proximal_mu=0.7, fraction_evaluate=0.0)"""


def test_a_strategy_cell_with_flowers_fedprox(tmp_path: Path) -> None:
    cell = Stage(
        Role.STRATEGY,
        "make_strategy",
        imports=(Fragment(9, 1, STRANGE.partition("\n")[0]),),
        body=(Fragment(9, 2, STRANGE.partition("\n")[2]),),
        results=("strategy",),
    )
    with federation(program(strategy=cell), tmp_path) as here:
        start = flat(here.server("initial").initial_arrays(here.settings("fedavg", {})))
        outcome = here.run()
    np.testing.assert_allclose(flat(outcome.arrays), fedprox(start, 0.7), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"local-term": "feddyn"}, "a local term that this package does not know"),
        ({"proximal-mu": -1.0}, "proximal-mu is no number"),
        ({"proximal-mu": "big"}, "proximal-mu is no number"),
        ({"local-term": "scaffold"}, "control variate does not fit"),
        ({"run": "../../etc"}, "the run's name is none"),
    ],
)
def test_a_site_refuses_what_it_does_not_know(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    with federation(program(), tmp_path) as here:
        here.run(rounds=1)
        message = next(m for m in here.sites[0].got if m.metadata.message_type == "train")
        for key, value in change.items():
            message.content["config"][key] = value
        error = here.sites[0].answer(message)
    assert reason in error.reason  # type: ignore[union-attr]
