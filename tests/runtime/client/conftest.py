"""The demo's client package, imported once for each of the test modules that ask for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.runtime import demo
from tests.runtime.loading import Client, importable


@dataclass(frozen=True)
class Installed:
    """A folder with the packages of the demo, its data, and the client that is imported."""

    folder: Path
    client: Client

    @property
    def package(self) -> Path:
        return self.folder / "client/demo_client"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("installed")
    demo.write_packages(demo.program(), folder)
    demo.write_data(folder)
    with importable(folder / "client"):
        node = {"site": "zurich", "DATA_FILE": str(folder / "zurich.csv")}
        yield Installed(folder, Client("demo_client", node))


@pytest.fixture
def own_environment() -> Iterator[None]:
    """Take back what a command sets in the environment of its process."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
