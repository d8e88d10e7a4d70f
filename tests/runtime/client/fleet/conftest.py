"""The contract with Flower: the site's line, against the real SuperLink of the pinned version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.runtime import demo
from tests.runtime.client.fleet.link import Link, started
from tests.runtime.loading import importable


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    built = tmp_path_factory.mktemp("fleet")
    demo.write_packages(demo.program(), built, name="line")
    with importable(built / "client", built / "server"):
        yield built


@pytest.fixture(scope="module")
def link(folder: Path) -> Iterator[Link]:
    with started(folder / "state") as running:
        yield running


@pytest.fixture
def fleet_module(folder: Path) -> Any:
    from line_client import fleet, fleet_line  # type: ignore[import-not-found]

    return SimpleNamespace(**{**vars(fleet_line), "Fleet": fleet.Fleet})
