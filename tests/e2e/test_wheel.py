"""The built wheel compiles an example by itself, from outside the source tree."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "heart-disease" / "heart.ipynb"


def run(*command: str | Path, cwd: Path) -> str:
    # -I would hide PYTHONPATH too, but console scripts have no such option.
    environment = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT,
        cwd=folder,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel in it, and this environment's packages behind it."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", wheel, cwd=folder)
    site_packages = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    # A .pth file in a directory named by another one is not read: nbfed itself, installed
    # editable over there, stays out.
    behind = Path(site_packages.strip()) / "behind.pth"
    behind.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def test_the_wheel_could_be_uploaded(wheel: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, cwd=wheel.parent)


def test_the_wheel_holds_every_template(wheel: Path) -> None:
    inside = {
        name.removeprefix("nbfed/")
        for name in zipfile.ZipFile(wheel).namelist()
        if name.startswith("nbfed/templates/")
    }
    in_tree = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "templates").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == in_tree


def test_nbfed_comes_from_the_wheel(python: Path, tmp_path: Path) -> None:
    place = run(python, "-c", "import nbfed; print(nbfed.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(python.parents[1])


def test_the_installed_command_compiles_an_example(python: Path, tmp_path: Path) -> None:
    out = run(python.parent / "nbfed", "build", NOTEBOOK, "--json", cwd=tmp_path)
    build = json.loads(out)
    assert build["changed"]
    folder = tmp_path / build["folder"]
    for path in build["files"]:
        assert (folder / path).is_file()
    assert (folder / "client" / "heart_client" / "train.py").is_file()
