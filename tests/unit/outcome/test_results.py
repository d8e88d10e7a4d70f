from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from nbfed.errors import NbfedError
from nbfed.outcome.results import Results, SiteResult
from nbfed.outcome.table import print_results

RESULTS = Results(
    metric_names=("accuracy", "loss"),
    sites={
        "cleveland": SiteResult(
            227,
            76,
            own={"accuracy": 0.8, "loss": 0.5},
            pooled={"accuracy": 0.85, "loss": 0.4},
            federated={"accuracy": 0.8421, "loss": 0.41},
        ),
        "va": SiteResult(
            150,
            50,
            own={"accuracy": 0.7},
            pooled={"accuracy": 0.75},
            federated={"accuracy": float("nan")},
        ),
    },
    means={
        "unweighted": {"own": {"accuracy": 0.75}, "pooled": {"accuracy": 0.8}},
        "weighted": {"own": {"accuracy": 0.7603}, "pooled": {"accuracy": 0.8103}},
    },
    rounds=10,
    seed=42,
    seconds={"federated": 3.5},
)


def printed(results: Results) -> list[str]:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    with console.capture() as capture:
        print_results(console, results)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_table() -> None:
    assert printed(RESULTS) == [
        "accuracy on each site's test set after 10 rounds, seed 42",
        "┏━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━┳━━━━━━━━━━━┓",
        "┃ site              ┃ train rows ┃ test rows ┃ own model ┃ pooled ┃ federated ┃",
        "┡━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━╇━━━━━━━━━━━┩",
        "│ cleveland         │        227 │        76 │    0.8000 │ 0.8500 │    0.8421 │",
        "│ va                │        150 │        50 │    0.7000 │ 0.7500 │       nan │",
        "├───────────────────┼────────────┼───────────┼───────────┼────────┼───────────┤",
        "│ unweighted mean   │            │       126 │    0.7500 │ 0.8000 │         - │",
        "│ mean by test rows │            │       126 │    0.7603 │ 0.8103 │         - │",
        "└───────────────────┴────────────┴───────────┴───────────┴────────┴───────────┘",
        "also measured, see the report: loss",
    ]


def test_a_model_without_figures_has_no_column_but_a_reason() -> None:
    sites = {name: replace(site, pooled={}) for name, site in RESULTS.sites.items()}
    reason = "cannot put `train_loader` (type Graph) together"
    lines = printed(replace(RESULTS, sites=sites, missing={"pooled": reason}))
    assert "pooled" not in lines[2]
    assert f"no figures of pooled: {reason}" in lines


def test_a_notebook_that_evaluates_nothing() -> None:
    assert printed(replace(RESULTS, metric_names=())) == [
        "the sites evaluate nothing: no models to compare"
    ]


def test_results_survive_the_way_to_the_disk_and_back(tmp_path: Path) -> None:
    text = RESULTS.to_json()
    (tmp_path / "results.json").write_text(text, encoding="utf-8")
    read = Results.read(tmp_path)
    assert read.to_json() == text
    assert read.sites["cleveland"] == RESULTS.sites["cleveland"]
    assert read.metric_names == RESULTS.metric_names


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sites": {"a": 1}}', '{"sites": {}}'])
def test_a_file_that_holds_no_results(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text, encoding="utf-8")
    with pytest.raises(NbfedError, match=r"not a results\.json of nbfed"):
        Results.read(tmp_path)


def test_a_run_without_results(tmp_path: Path) -> None:
    with pytest.raises(NbfedError, match=r"has no results\.json"):
        Results.read(tmp_path)


def test_results_are_json_without_surprises() -> None:
    assert json.loads(RESULTS.to_json())["sites"]["cleveland"]["own"]["accuracy"] == 0.8


def test_what_is_not_a_number_is_null_in_json() -> None:
    text = RESULTS.to_json()
    assert "NaN" not in text
    assert Results.from_json(text).sites["va"].federated == {"accuracy": None}
