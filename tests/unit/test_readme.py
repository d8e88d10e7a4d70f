"""What README.md and CONTRIBUTING.md say must exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from nbfed.catalogue import CATALOGUE
from nbfed.cli.app import app
from nbfed.federation.schema import Federation
from nbfed.roles import Role

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BOTH = README + CONTRIBUTING


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", BOTH, flags=re.DOTALL)


def first_column(heading: str) -> list[str]:
    """The words in backticks in the first column of the table with this first heading."""
    table = re.search(rf"^\| {heading} \|.*?\n\|[-|]+\n(.*?)\n\n", README, re.DOTALL | re.MULTILINE)
    assert table
    cells = [line.split("|")[1] for line in table[1].splitlines()]
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE)
    named = [each for block in blocks("sh") for each in re.findall(r"^make ([a-z-]+)", block, re.M)]
    assert named
    assert set(named) <= set(targets)


def test_every_command_exists_with_its_options() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    lines = [line.partition("#")[0] for block in blocks("sh") for line in block.splitlines()]
    used = [line.split() for line in lines if line.startswith("nbfed ")]
    assert {line[1] for line in used} == {"build", "simulate", "run-server", "run-client"}
    for _, name, *arguments in used:
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {each for each in arguments if each.startswith("--")} <= known


@pytest.mark.parametrize("path", re.findall(r"\S+\.ipynb", "".join(blocks("sh"))))
def test_every_notebook_exists(path: str) -> None:
    assert (ROOT / path).is_file()


def test_the_roles_are_all_there() -> None:
    assert first_column("role") == [str(role) for role in Role]


def test_the_keys_of_federation_yaml_are_all_there() -> None:
    described = {*first_column("key"), "notebook"}  # which the example shows
    assert described == set(Federation.model_fields)


def test_the_example_of_federation_yaml_is_one() -> None:
    (example,) = blocks("yaml")
    assert list(Federation.from_text(example).sites) == ["cleveland", "va"]


def test_every_code_exists() -> None:
    assert set(re.findall(r"NBF\d+", BOTH)) <= set(CATALOGUE)


def test_every_link_inside_the_repository_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", BOTH):
        assert target.startswith("https://") or (ROOT / target).exists(), target
