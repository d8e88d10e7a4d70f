"""The generated package as a reviewer's tools see it, and the variants of its templates."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbfed.program import Argument, Fragment, Origin, Stage
from nbfed.roles import Role

from .conftest import Package, federation, imported, program, write_server
from .fake_grid import FakeGrid, FakeSite

STRATEGY = Stage(
    Role.STRATEGY,
    "make_strategy",
    arguments=(Argument("LR", Origin.PARAMS, "float"),),
    imports=(Fragment(8, 1, "from flwr.serverapp.strategy import FedAvgM"),),
    body=(Fragment(8, 2, "strategy = FedAvgM(server_learning_rate=LR)"),),
    results=("strategy",),
)
WIDE = tuple(Argument(name, Origin.PARAMS, "int") for name in ("HIDDEN", "A", "B", "C"))
BARE = Stage(
    Role.MODEL,
    "build_model",
    imports=(Fragment(1, 1, "from torch import nn"),),
    body=(Fragment(3, 1, "model = nn.Linear(1, 1)"),),
    results=("model",),
)
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "without evaluation": {"evaluate": None},
    "with a strategy cell": {"strategy": STRATEGY},
    "model without parameters": {"model": BARE, "params": ()},
}


def lint(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_formatted_and_clean(tmp_path: Path, variant: str) -> None:
    project = write_server(tmp_path, "demo", program(**VARIANTS[variant]), federation())
    rules = ["--isolated", "--line-length", "100", "--target-version", "py311"]
    lint(
        "ruff",
        "check",
        "--select",
        "E,F,W,I,B,BLE,UP,SIM,C4,D1",
        *_ignored(),
        *rules,
        ".",
        cwd=project,
    )
    lint("ruff", "format", "--check", *rules, ".", cwd=project)


def _ignored() -> tuple[str, str]:
    return "--ignore", "D105,D107"


def test_the_package_is_typed(tmp_path: Path) -> None:
    project = write_server(
        tmp_path, "demo", program(**VARIANTS["with a strategy cell"]), federation()
    )
    # Torch's types take long to read: the cache stays in the repository, beside its own.
    cache = Path(__file__).parents[3] / ".mypy_cache"
    lint("mypy", "--strict", "--cache-dir", str(cache), "demo_server", cwd=project)


def test_no_module_is_long_and_none_imports_the_compiler(tmp_path: Path) -> None:
    project = write_server(tmp_path, "demo", program(), federation())
    for path in (project / "demo_server").glob("*.py"):
        text = path.read_text()
        assert text.count("\n") <= 280, path.name
        assert "import nbfed" not in text and "from nbfed" not in text, path.name


def test_the_notebooks_own_strategy_is_used(tmp_path: Path) -> None:
    variant = program(**VARIANTS["with a strategy cell"])
    for package in imported(tmp_path, "cell", variant, federation(sites={})):
        site = FakeSite("only", package.settings.CLIENT_DIGEST, step=2.0)
        config = {"rounds": 1, "run-dir": str(tmp_path / "run"), "params": '{"LR": 0.25}'}
        settings = package.settings.Settings.from_run_config(config)
        outcome = package.server_app.run(FakeGrid([site]), settings)
        initial = package.initial.initial_arrays(settings)
        change = outcome.arrays["0.weight"].numpy() - initial["0.weight"].numpy()
        assert abs(change - 0.5).max() < 1e-6


def test_code_of_the_notebook_that_raises_is_one_line(tmp_path: Path) -> None:
    broken = replace(BARE, body=(Fragment(3, 1, "model = nn.Linear(1, 1 // 0)"),))
    project = write_server(tmp_path, "broken", program(model=broken), federation())
    done = subprocess.run(
        [sys.executable, "-m", "broken_server.server_node", "start", "--address", "127.0.0.1:0"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert "ZeroDivisionError: integer division" in last and "error.log" in last
    assert "Traceback" not in done.stderr
    assert "model.py" in (project / "server-state" / "error.log").read_text()


def test_without_evaluation_nothing_is_evaluated(tmp_path: Path) -> None:
    for package in imported(tmp_path, "bare", program(evaluate=None), federation(sites={})):
        site = FakeSite("only", package.settings.CLIENT_DIGEST)
        config = {"rounds": 2, "run-dir": str(tmp_path / "run")}
        settings = package.settings.Settings.from_run_config(config)
        assert package.server_app.run(FakeGrid([site]), settings).outcome == "finished"
        assert [m.metadata.message_type for m in site.got] == ["query", "train", "train"]
        assert not any(m.content["config"]["evaluate"] for m in site.got[1:])


def test_importing_the_command_loads_neither_torch_nor_flower(server: Package) -> None:
    code = f"import sys, {server.name}.server_node; print({{'torch', 'flwr'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=server.project, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
