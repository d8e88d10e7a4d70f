from __future__ import annotations

import math
from dataclasses import replace

import pytest

from nbfed.outcome.results import DEVIATION, Results, SiteResult
from nbfed.outcome.seeds import over_seeds
from tests.unit.outcome.test_results import printed


def of_seed(seed: int, own: float, federated: float, **more: object) -> Results:
    site = SiteResult(30, 10, own={"accuracy": own}, federated={"accuracy": federated})
    figures = {"own": {"accuracy": own}, "federated": {"accuracy": federated}}
    results = Results(
        metric_names=("accuracy",),
        sites={"va": site},
        means={"unweighted": figures, "weighted": figures},
        rounds=2,
        seed=seed,
        seconds={"federated": 1.5},
        cross={"va": {"va": {"accuracy": own}}},
    )
    return replace(results, **more)  # type: ignore[arg-type]


THREE = over_seeds([of_seed(7, 0.5, 0.7), of_seed(8, 0.6, 0.7), of_seed(9, 0.7, 0.7)])


def test_figures_are_means_and_deviations_those_of_a_sample() -> None:
    assert THREE.sites["va"].own["accuracy"] == pytest.approx(0.6)
    assert THREE.means["weighted"]["federated"]["accuracy"] == pytest.approx(0.7)
    assert THREE.cross["va"]["va"]["accuracy"] == pytest.approx(0.6)
    spread = THREE.deviations
    assert spread is not None
    # (0.1² + 0 + 0.1²) / (3 - 1) = 0.01
    assert spread.sites["va"]["own"]["accuracy"] == pytest.approx(0.1)
    assert spread.means["unweighted"]["own"]["accuracy"] == pytest.approx(0.1)
    assert spread.cross["va"]["va"]["accuracy"] == pytest.approx(0.1)
    assert spread.means["weighted"]["federated"]["accuracy"] == pytest.approx(0, abs=1e-12)
    assert spread.kind == DEVIATION


def test_each_seed_s_own_results_are_kept_on_the_disk_too() -> None:
    read = Results.from_json(THREE.to_json())
    assert read == THREE
    assert list(read.seeds) == ["7", "8", "9"]
    assert read.seeds["8"].sites["va"].own == {"accuracy": 0.6}
    assert (read.seed, read.seconds) == (7, {"federated": 4.5})


def test_the_table_shows_both_and_says_which_deviation() -> None:
    lines = printed(THREE)
    assert lines[:2] == [
        "accuracy on each site's test set after 2 rounds, seeds 7, 8, 9:",
        f"mean ± {DEVIATION}",
    ]
    (row,) = [line for line in lines if line.startswith("│ va ")]
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "va", "30", "10", "0.6000 ± 0.1000", "0.7000 ± 0.0000",
    ]  # fmt: skip


def test_a_figure_that_one_seed_lacks_is_none_but_has_a_reason() -> None:
    lacking = of_seed(8, 0.6, 0.7, sites={"va": SiteResult(30, 10, federated={"accuracy": 0.7})})
    lacking = replace(lacking, missing={"own": "va: it broke"})
    both = over_seeds([of_seed(7, 0.5, 0.7), lacking])
    assert both.sites["va"].own == {}
    assert both.missing == {"own": "seed 8: va: it broke"}
    always = over_seeds([replace(lacking, seed=1), lacking])
    assert always.missing == {"own": "va: it broke"}


def test_a_seed_that_diverged_is_not_hidden() -> None:
    both = over_seeds([of_seed(7, 0.5, math.nan), of_seed(8, 0.5, 0.7)])
    assert math.isnan(both.sites["va"].federated["accuracy"])
