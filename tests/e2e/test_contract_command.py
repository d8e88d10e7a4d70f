"""``nbfed contract``: what the notebook's code takes for granted about the data."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.command import nbfed
from tests.e2e.study import SITES, write_study


def test_the_contract_describes_one_sites_data(tmp_path: Path) -> None:
    write_study(tmp_path / "study")
    done = nbfed("contract", "study/study.ipynb", "--site", SITES[1], cwd=tmp_path)
    assert done.code == 0, done.err
    file = Path(".nbfed/study/contract.json")
    assert done.out.startswith(f"wrote {file}: ")
    contract = json.loads((tmp_path / file).read_text())
    build = json.loads((tmp_path / "dist/study/build.json").read_text())
    assert contract["package"] == build["client_digest"]
    assert all(part["kind"] == "loader" for part in contract["data"].values())
    assert contract["model"]


def test_a_site_that_nobody_knows(tmp_path: Path) -> None:
    write_study(tmp_path / "study")
    done = nbfed("contract", "study/study.ipynb", "--site", "nowhere", cwd=tmp_path)
    assert done.code == 2
    assert "has no site nowhere" in done.err


def test_data_that_cannot_be_loaded(tmp_path: Path) -> None:
    write_study(tmp_path / "study")
    (tmp_path / "study" / f"{SITES[0]}.csv").unlink()
    done = nbfed("contract", "study/study.ipynb", cwd=tmp_path)
    assert done.code == 1
    assert f"the data of {SITES[0]} could not be loaded: FileNotFoundError" in done.err
    assert "Traceback" not in done.err
