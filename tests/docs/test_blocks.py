"""Every command and every Python block of README and the documentation is one that works.

Blocks of the tutorial are followed by test_tutorial.py. Here Python blocks run in a small study,
and so do commands that end by themselves; those that need several machines or other people name
the test that runs them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.main import get_command

from nbfed.cli.app import app

from .blocks import PAGES, ROOT, Block, blocks, commands

OWN_TEST = {ROOT / "docs" / "tutorial.md"}
LANGUAGES = {"sh", "python", "yaml", "text", "toml", "dockerfile"}

# Commands that wait for others, take long or fetch much, and the test that runs them.
ELSEWHERE = {
    "run-server": "tests/e2e/test_federation_commands.py",
    "run-client": "tests/e2e/test_federation_commands.py",
    "bundle": "tests/e2e/test_kits.py",
    "admit": "tests/e2e/test_admission_commands.py",
    "revoke": "tests/e2e/test_admission_commands.py",
    "watch": "tests/browser/test_watch_page.py",
    "sweep": "tests/e2e/test_sweep_command.py",
}


def every(language: str) -> Iterator[Block]:
    for page in PAGES:
        if page not in OWN_TEST:
            yield from (block for block in blocks(page) if block.language == language)


def command_lines() -> list[str]:
    lines = {line for block in every("sh") for line in commands(block)}
    return sorted(line.split(" # ")[0].strip() for line in lines if line.startswith("nbfed "))


def test_every_block_is_of_a_kind_that_is_known() -> None:
    found = {block.language for page in PAGES for block in blocks(page)}
    assert found <= LANGUAGES


@pytest.mark.parametrize("line", command_lines())
def test_the_command_exists_with_its_options(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {each.split("=")[0] for each in arguments if each.startswith("--")} <= known


@pytest.mark.parametrize("name", ELSEWHERE)
def test_commands_that_need_others_are_run_by_their_own_test(name: str) -> None:
    text = (ROOT / ELSEWHERE[name]).read_text(encoding="utf-8")
    assert f'"{name}"' in text or f"nbfed {name}" in text


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The heart example, with a run of one round."""
    folder = tmp_path_factory.mktemp("study")
    example = folder / "examples" / "heart-disease"
    shutil.copytree(ROOT / "examples" / "heart-disease", example)
    shutil.copy(example / "heart.ipynb", folder)
    shutil.copy(example / "federation.yaml", folder)
    shutil.copytree(example / "data", folder / "data")
    done = nbfed("simulate heart.ipynb --rounds 1 --baselines none", folder)
    assert done.returncode == 0, done.stderr
    return folder


def nbfed(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbfed", *shlex.split(line)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def here() -> list[str]:
    return [line for line in command_lines() if line.split()[1] not in ELSEWHERE]


@pytest.mark.parametrize("line", here())
def test_the_command_works(line: str, study: Path) -> None:
    if line.split()[1] == "simulate":
        line += " --rounds 1 --baselines none"
    done = nbfed(line.removeprefix("nbfed "), study)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("block", list(every("python")), ids=str)
def test_the_python_block_runs(block: Block, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    model = torch.nn.Sequential(torch.nn.Linear(14, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    rows = torch.utils.data.TensorDataset(torch.rand(8, 14), torch.ones(8))
    names = {
        "torch": torch,
        "nn": torch.nn,
        "model": model,
        "criterion": torch.nn.BCEWithLogitsLoss(),
        "train_loader": torch.utils.data.DataLoader(rows, batch_size=4),
        "EPOCHS": 1,
        "LR": 0.01,
    }
    exec(compile(block.text, str(block), "exec"), names)
