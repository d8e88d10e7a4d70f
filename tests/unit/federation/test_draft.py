from __future__ import annotations

import pytest

from nbfed.federation.draft import draft
from nbfed.federation.schema import Federation


def text(**more: object) -> str:
    given = {"params": {}, "site_keys": (), "values": {}, **more}
    return draft("heart", "heart.ipynb", **given)  # type: ignore[arg-type]


def example(key: str, value: object) -> object:
    written = Federation.from_text(text(site_keys=(key,), values={key: value}))
    return written.sites["hospitalB"].params[key]


def test_a_draft_says_what_may_be_changed() -> None:
    assert (
        text(
            params={"LR": 1e-05, "NAMES": ["a", "b"], "MODE": "on", "SPEC": {"a": 1}},
            site_keys=("DATA_FILE", "DEVICE"),
            values={"DATA_FILE": "/home/me/patients/rows.csv", "DEVICE": "cpu"},
        )
        == """\
# How this federation is run, and who takes part. `nbfed check heart.ipynb` tells what does not
# fit the notebook, with the line.
name: heart
notebook: heart.ipynb

rounds: 3
# Seed of all that is random (default: the notebook's own).
# seed: 42

# A strategy of Flower's and its options, for example {name: fedprox, proximal_mu: 0.1}.
strategy: fedavg

# Sites that a round needs (default: all of them).
# min_sites: 2

# Sent by the server in every round, instead of the notebook's values.
# params:
#   LR: 1.0e-05
#   NAMES: [a, b]
#   MODE: 'on'

# hospitalA and hospitalB are examples: write the hospitals' own names.
# Under `params` stands what the notebook's `site` cells leave to each hospital. The paths are
# those of this machine, for `nbfed simulate`, from the notebook's folder; a hospital that joins
# from its own machine has its own.
sites:
  hospitalA:
    params:
      DATA_FILE: data/hospitalA.csv
      DEVICE: cpu
  hospitalB:
    params:
      DATA_FILE: data/hospitalB.csv
      DEVICE: cpu
"""
    )


def test_what_is_commented_out_can_be_taken_in() -> None:
    written = text(params={"LR": 1e-05, "MODE": "no"})
    lines = [line.removeprefix("# ") for line in written.splitlines()]
    start = lines.index("params:")
    federation = Federation.from_text("\n".join(lines[start : start + 3]))
    assert federation.params == {"LR": 1e-05, "MODE": "no"}


def test_without_site_keys_there_is_nothing_to_fill_in() -> None:
    federation = Federation.from_text(text())
    assert list(federation.sites) == ["hospitalA", "hospitalB"]
    assert federation.sites["hospitalA"].params == {}


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("ROOT", "/data/st-mary", "data/hospitalB"),
        ("FILE", "rows.parquet", "data/hospitalB.parquet"),
        ("FILE", r"C:\scans\a.nii", "data/hospitalB.nii"),
        ("WORKERS", 4, 4),
        ("GPU", False, False),
        ("RATE", 1e-7, 1e-7),
        ("DEVICE", "cuda:0", "cuda:0"),
        ("on", "no", "no"),
        ("SIZE", [64, 64], [64, 64]),
        ("API_TOKEN", "abc", "change-me"),
        ("ACCESS", "x8Kd93jfl20dkd93kdk1", "change-me"),
        ("WHERE", None, "change-me"),
        ("NAMES", ["st-mary"], "change-me"),
    ],
)
def test_examples_have_the_notebooks_type_and_none_of_its_paths_or_secrets(
    key: str, value: object, shown: object
) -> None:
    assert example(key, value) == shown


@pytest.mark.parametrize("notebook", ["a b.ipynb", "../n: 1.ipynb", "no", "'x'.ipynb"])
def test_any_name_of_a_notebook_survives(notebook: str) -> None:
    federation = Federation.from_text(
        draft("on", notebook, params={}, site_keys=(), values={}),
    )
    assert (federation.name, federation.notebook) == ("on", notebook)
