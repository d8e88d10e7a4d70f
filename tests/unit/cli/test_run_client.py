from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nbfed.cli.app import app

FEDERATION = """\
name: heart
notebook: heart.ipynb
sites:
  cleveland:
    params: {DATA_FILE: data/cleveland.csv, COLUMNS: [age, sex]}
    overrides: {LR: 0.1}
  va:
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a build in dist/heart, made from study/heart.ipynb."""
    study = tmp_path / "study"
    study.mkdir()
    (study / "heart.ipynb").write_text("{}", encoding="utf-8")
    (study / "federation.yaml").write_text(FEDERATION, encoding="utf-8")
    make_build(tmp_path / "dist" / "heart", "heart")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_build(build: Path, name: str) -> None:
    build.mkdir(parents=True)
    manifest = {
        "name": name,
        "nbfed": "0.1.0",
        "notebook": "../../study/heart.ipynb",
        "federation": "../../study/federation.yaml",
        "client_digest": "0123",
        "server_digest": "4567",
        "files": {},
    }
    (build / "build.json").write_text(json.dumps(manifest), encoding="utf-8")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["run-client", *arguments])
    return result.exit_code, result.stderr


def test_a_site_that_nobody_knows(folder: Path) -> None:
    code, text = run("--site", "nowhere")
    assert code == 2
    assert text == (
        f"error: {folder / 'study' / 'federation.yaml'} has no site nowhere\n"
        "  = hint: known are `cleveland`, `va`\n"
    )


def test_a_site_that_is_misspelt(folder: Path) -> None:
    assert run("--site", "clevland")[1].endswith("  = hint: did you mean `cleveland`?\n")


def test_no_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("--site", "va") == (
        2,
        "error: there is no build below dist/\n"
        "  = hint: make one first: nbfed build NOTEBOOK (or point at it with --build)\n",
    )


def test_several_builds(folder: Path) -> None:
    make_build(folder / "dist" / "lungs", "lungs")
    assert run("--site", "va") == (
        2,
        "error: there are several builds: dist/heart, dist/lungs\n"
        "  = hint: choose one with --build\n",
    )


def test_a_folder_that_is_no_build(folder: Path) -> None:
    assert run("--site", "va", "--build", "study") == (
        2,
        "error: study holds no build (build.json is missing)\n"
        "  = hint: give the folder that `nbfed build` wrote, for example dist/heart\n",
    )


def test_a_federation_file_that_is_gone(folder: Path) -> None:
    file = folder / "study" / "federation.yaml"
    file.unlink()
    assert run("--site", "va") == (
        1,
        f"error: the federation.yaml of dist/heart is gone: no {file}\n"
        "  = hint: build it again: nbfed build NOTEBOOK\n",
    )
