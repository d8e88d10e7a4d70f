from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from nbfed import __version__
from nbfed.catalogue import CATALOGUE
from nbfed.cli.app import app

COMMANDS = (
    "init", "build", "check", "diff", "explain", "simulate", "run-server", "run-client", "report",
    "watch",
)  # fmt: skip


def test_the_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"nbfed {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: nbfed {command}" in result.stdout


def test_help_lists_the_commands() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in COMMANDS:
        assert command in result.stdout


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from nbfed.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'flwr', 'numpy', 'nbformat', 'pydantic', 'yaml', 'jinja2'}\n"
        "heavy |= {'matplotlib', 'uvicorn'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_can_be_explained(code: str) -> None:
    result = CliRunner().invoke(app, ["explain", code.lower()])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{code}: {CATALOGUE[code].title}")


def test_an_unknown_code() -> None:
    result = CliRunner().invoke(app, ["explain", "NBF50l"])
    assert result.exit_code == 2
    assert result.stderr == "error: there is no code NBF50l\n  = hint: did you mean `NBF502`?\n"
