"""The examples compile to what is kept here, to the byte; and what is kept is good code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.examples import (
    COPIED,
    EXAMPLES,
    GOLDEN,
    ROOT,
    generated,
    kept,
    template_of,
    whole,
)

# Modules whose lines are the notebook's own: their author's style is not ours to judge, and
# their functions have no annotations.
NOTEBOOK_MODULES = ("data", "evaluate", "model", "strategy_cell", "train")
MATTERS_OF_STYLE = ("B", "C4", "D1", "E501", "PLW", "RUF", "SIM", "UP")

# What does these things is only in a package whose notebook asks for a GPU, keeps an optimizer, or
# makes a model by the data's sizes.
LEFT_OUT_AT_TIMES = {
    ("client", "devices.py"),
    ("client", "keeping.py"),
    ("server", "devices.py"),
    ("server", "sizes.py"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_output_is_what_was_reviewed(name: str) -> None:
    now, before = generated(name), kept(name)
    assert sorted(now) == sorted(before), "files came or went: run `make golden` and review"
    changed = [path for path in now if now[path] != before[path]]
    assert not changed, "run `make golden` and review the difference"


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_not_kept_is_a_template_to_the_byte(name: str) -> None:
    copies = {path: data for path, data in whole(name).items() if template_of(path) is not None}
    assert [path for path, data in copies.items() if data != template_of(path)] == []
    missing = set(COPIED) - {(path.partition("/")[0], Path(path).name) for path in copies}
    assert missing <= LEFT_OUT_AT_TIMES


@pytest.mark.parametrize("name", EXAMPLES)
def test_compiling_twice_gives_the_same_bytes(name: str) -> None:
    assert generated(name) == generated(name)


@pytest.fixture(scope="module", params=list(EXAMPLES))
def packages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy outside this repository, whose settings leave tests/golden out."""
    folder = tmp_path_factory.mktemp(request.param)
    for path, data in whole(request.param).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_generated_code_passes_our_own_lint(packages: Path) -> None:
    config = f"--config={ROOT / 'pyproject.toml'}"
    authors = [
        f"--per-file-ignores=**/{module}.py:{rule}"
        for module in NOTEBOOK_MODULES
        for rule in MATTERS_OF_STYLE
    ]
    assert run("ruff", "check", "--no-cache", config, *authors, ".", cwd=packages) == ""


def test_generated_code_is_formatted(packages: Path) -> None:
    config = f"--config={ROOT / 'pyproject.toml'}"
    authors = [f"--exclude={module}.py" for module in NOTEBOOK_MODULES]
    assert run("ruff", "format", "--check", "--no-cache", config, *authors, ".", cwd=packages) == ""


@pytest.fixture(scope="module")
def types_of_libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy found out about torch and the others once serves every example."""
    return tmp_path_factory.mktemp("mypy")


def test_generated_code_is_typed(packages: Path, tmp_path: Path, types_of_libraries: Path) -> None:
    overrides = "".join(
        f"[mypy-*.{module}]\ndisallow_untyped_defs = False\ndisallow_untyped_calls = False\n"
        "disallow_incomplete_defs = False\ncheck_untyped_defs = False\nwarn_return_any = False\n"
        "disallow_any_generics = False\n"
        for module in NOTEBOOK_MODULES
    )
    config = tmp_path / "mypy.ini"
    config.write_text(
        "[mypy]\nstrict = True\n"
        + overrides
        # Libraries of the notebook's own choice need not have types.
        + "[mypy-pandas.*,sklearn.*,matplotlib.*,PIL.*]\nignore_missing_imports = True\n"
    )
    for project in ("server", "client"):
        package = next(path.name for path in (packages / project).iterdir() if path.is_dir())
        found = run(
            *("mypy", "--config-file", str(config), "--cache-dir", str(types_of_libraries)),
            *("-p", package),
            cwd=packages / project,
        )
        assert found == ""


def test_every_kept_folder_is_an_example() -> None:
    folders = {path.name for path in GOLDEN.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(EXAMPLES)
