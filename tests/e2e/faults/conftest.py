"""Studies that faults are tried on; each is built once by a process of the tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.e2e.command import nbfed
from tests.e2e.faults.federation import Federation, Start, write_faulty_study


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two sites and three rounds, built; all sites are needed."""
    folder = tmp_path_factory.mktemp("pair")
    write_faulty_study(folder, ("north", "south"), "rounds: 3\n")
    return folder


@pytest.fixture(scope="session")
def undisturbed(pair: Path) -> dict[str, np.ndarray]:
    """The pair's final weights where nothing goes wrong."""
    done = nbfed(
        *("simulate", "study/study.ipynb", "--baselines", "none", "--run-dir", "simulation"),
        cwd=pair,
    )
    assert done.code == 0, done.err
    weights: dict[str, np.ndarray] = load_file(pair / "simulation" / "model.safetensors")
    return weights


@pytest.fixture(scope="session")
def solo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one site, built."""
    folder = tmp_path_factory.mktemp("solo")
    write_faulty_study(folder, ("north",), "rounds: 3\n")
    return folder


@pytest.fixture(scope="session")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two sites that can do with one, and waits 12 s for who went away."""
    study = tmp_path_factory.mktemp("loose")
    write_faulty_study(study, ("north", "south"), "rounds: 6\nmin_sites: 1\n")
    yaml = study / "study" / "federation.yaml"
    yaml.write_text(yaml.read_text().replace("join_timeout: 200", "join_timeout: 12"))
    assert nbfed("build", "study/study.ipynb", cwd=study).code == 0
    return study


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Makes a federation in a copy of a study; its processes are gone at the test's end."""
    made: list[Federation] = []

    def copy(study: Path) -> Federation:
        shutil.copytree(study, tmp_path, dirs_exist_ok=True)
        made.append(Federation(tmp_path))
        return made[0]

    yield copy
    for federation in made:
        federation.close()
