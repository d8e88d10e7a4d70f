"""What `nbfed doctor` tells, and what it keeps to itself."""

from __future__ import annotations

import dataclasses
import getpass
import importlib.metadata
import json
import platform
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nbfed import __version__
from nbfed.cli.app import app
from nbfed.environment import environment


def test_it_holds_the_versions_that_are_installed() -> None:
    found = environment()
    assert found.nbfed == __version__
    assert platform.python_version() in found.python
    assert found.packages["flwr"] == importlib.metadata.version("flwr")
    assert {"torch", "pydantic", "nbformat"} <= found.packages.keys()
    assert found.problems == ()


def test_it_tells_no_path_and_no_name() -> None:
    text = json.dumps(dataclasses.asdict(environment()))
    for secret in (str(Path.home()), str(Path.cwd()), platform.node()):
        assert secret not in text
    assert f"/{getpass.getuser()}" not in text


def test_a_package_that_is_too_old_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.0" if name == "flwr" else real(name)
    )
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["problems"]
    assert "flwr 1.0 is installed" in problem
