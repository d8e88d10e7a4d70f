"""The tutorial, followed to the letter."""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from .blocks import ROOT, Block, blocks, commands

CLINICS = ROOT / "examples" / "clinics"
TUTORIAL = ROOT / "docs" / "tutorial.md"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's notebook without its marks, and its data."""
    folder = tmp_path_factory.mktemp("tutorial")
    shutil.copytree(CLINICS / "data", folder / "data")
    notebook = nbformat.read(CLINICS / "clinics.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)
        cell.source = cell.source.replace("# nbfed: site\n", "")
    assert "nbfed" not in nbformat.writes(notebook)
    nbformat.write(notebook, folder / "clinics.ipynb")
    return folder


def test_every_step_works(folder: Path) -> None:
    output = ""
    for block in blocks(TUTORIAL):
        if block.language == "sh":
            for line in commands(block):
                output = run(line, folder)
                if line.startswith("nbfed simulate"):
                    assert "federated" in output
        elif block.title == "federation.yaml":
            assert (folder / "federation.yaml").is_file(), "init has not written one"
            (folder / "federation.yaml").write_text(block.text, encoding="utf-8")
        elif block.title.startswith("cell "):
            replace_cell(folder / "clinics.ipynb", int(block.title.split()[1]), block)
        elif block.title == "a cell below the others":
            run_below(folder / "clinics.ipynb", block)
        else:
            raise AssertionError(f"{block}: a block that this test does not follow")
    assert (folder / "dist" / "clinics" / "client" / "clinics_client" / "train.py").is_file()
    assert list(folder.glob("runs/*/report.html"))


def run(line: str, folder: Path) -> str:
    program, *arguments = shlex.split(line)
    assert program == "nbfed"
    done = subprocess.run(
        [sys.executable, "-m", "nbfed", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def replace_cell(path: Path, number: int, block: Block) -> None:
    """Put the page's cell for the notebook's; all that differs is comments."""
    notebook = nbformat.read(path, as_version=4)
    cell = notebook.cells[number - 1]
    assert ast.dump(ast.parse(cell.source)) == ast.dump(ast.parse(block.text))
    cell.source = block.text.rstrip("\n")
    cell.metadata.pop("tags", None)
    nbformat.write(notebook, path)


def run_below(path: Path, block: Block) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_code_cell(block.text))
    # A kernel has its own environment: the package may not be installed but only on the path.
    os.environ["PYTHONPATH"] = str(ROOT)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    (table,) = (out for out in notebook.cells[-1].outputs if out.output_type == "execute_result")
    assert "accuracy" in table["data"]["text/plain"]
