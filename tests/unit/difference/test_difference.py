"""Two builds of one small study, and what is said about their difference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nbfed.builds import find_build
from nbfed.cli.app import app
from nbfed.compilation import compile_sources, write_build
from nbfed.difference import Contents, compare, read_contents
from nbfed.sources import read_sources
from tests.e2e.study import CELLS, FEDERATION, write_study


def build(folder: Path, cells: Sequence[str] = CELLS, federation: str = FEDERATION) -> Path:
    compiled = compile_sources(read_sources(write_study(folder, cells, federation)))
    assert compiled.program is not None, compiled.diagnostics
    return write_build(compiled.program, compiled, folder / "dist", force=False).folder


def edited(*edits: tuple[int, str, str]) -> list[str]:
    """The study's cells with a text replaced in the cell with this 1-based index."""
    cells = list(CELLS)
    for index, before, after in edits:
        assert before in cells[index - 1]
        cells[index - 1] = cells[index - 1].replace(before, after)
    return cells


def diff(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["diff", *map(str, arguments)])


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("old"))


def contents(folder: Path) -> Contents:
    return read_contents(find_build(folder))


def shown(old: Path, new: Path) -> str:
    done = diff(old, new)
    assert done.exit_code == 1
    lines = done.stdout.split("\n")
    assert lines[0] == f"{old} -> {new}"
    return "\n".join(lines[1:]).partition("\ndigests\n")[0]


def test_the_same_notebook_elsewhere_is_the_same(old: Path, tmp_path: Path) -> None:
    new = build(tmp_path)
    done = diff(old, new)
    assert (done.exit_code, done.stdout) == (0, f"{old} -> {new}: the same\n")


def test_outputs_counts_and_ids_are_no_difference(old: Path, tmp_path: Path) -> None:
    notebook = write_study(tmp_path)
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for number, cell in enumerate(content["cells"], 1):
        cell["id"] = f"other-{number}"
        if cell["cell_type"] == "code":
            cell["execution_count"] = 40 - number
            text = {"output_type": "stream", "name": "stdout", "text": [f"Anna Patient {number}"]}
            cell["outputs"] = [text]
            cell["metadata"] = {"collapsed": True, "tags": ["slideshow"]}
    content["metadata"]["language_info"] = {"name": "python", "version": "3.99"}
    notebook.write_text(json.dumps(content, indent=3), encoding="utf-8")
    compiled = compile_sources(read_sources(notebook))
    assert compiled.program is not None, compiled.diagnostics
    new = write_build(compiled.program, compiled, tmp_path / "dist", force=False).folder
    done = diff(old, new)
    assert (done.exit_code, done.stdout) == (0, f"{old} -> {new}: the same\n")
    files = [path.relative_to(old) for path in sorted(old.rglob("*")) if path.is_file()]
    assert any(path.name == "defaults.py" for path in files)  # it holds the digest
    for path in files:
        assert (new / path).read_bytes() == (old / path).read_bytes(), path


def test_changed_lines_are_told_with_their_cells(old: Path, tmp_path: Path) -> None:
    cells = edited(
        (5, "nn.Tanh()", "nn.ReLU()"),
        (6, "    optimizer.step()", "    clip(model)\n    optimizer.step()"),
        (7, "right = 0\n", ""),
        (7, "right += ", "right = "),
        (1, "import csv\n", "def clip(net):\n    pass\n\nimport csv\n"),
    )
    assert (
        shown(old, build(tmp_path, cells))
        == """
model
  - cell 5:2 |     model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
  + cell 5:2 |     model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))

train
  + cell 1:1 | def clip(net):
  + cell 1:2 |     pass

  + cell 6:7 |         clip(model)

evaluate
  - cell 7:3 |     right = 0

  - cell 7:6 |             right += ((model(x).squeeze(1) > 0) == (y > 0.5)).sum().item()
  + cell 7:5 |             right = ((model(x).squeeze(1) > 0) == (y > 0.5)).sum().item()
"""
    )


def test_what_nbfed_writes_around_the_cells_is_told_too(old: Path, tmp_path: Path) -> None:
    cells = edited((7, "metrics=accuracy", "metrics=accuracy,right"))
    assert (
        shown(old, build(tmp_path, cells))
        == """
evaluate
  - generated |     return {"accuracy": accuracy}
  + generated |     return {"accuracy": accuracy, "right": right}
"""
    )


def test_code_that_only_moved_to_other_cells(old: Path, tmp_path: Path) -> None:
    assert (
        shown(old, build(tmp_path, ["print('hello')", *CELLS]))
        == """
the same code in other cells
  cell 4 is now cell 5
  cell 5 is now cell 6
  cell 6 is now cell 7
  cell 7 is now cell 8
"""
    )


def test_parameters_site_keys_requirements_and_settings(old: Path, tmp_path: Path) -> None:
    cells = edited(
        (2, "BATCH = 8", "BATCH = 16\nDECAY = 0.0"),
        (3, "DATA_FILE", "TABLE"),
        (4, "DATA_FILE", "TABLE"),
        (6, "lr=LR", "lr=LR, weight_decay=DECAY"),
    )
    federation = (
        FEDERATION.replace("DATA_FILE", "TABLE")
        .replace("rounds: 2", "rounds: 5")
        .replace("overrides: {LR: 0.05}", "overrides: {}")
        + "strategy: {name: fedprox, proximal_mu: 0.1}\n"
        + "params: {LR: 0.2}\nrequires: [openpyxl>=3]\n"
    )
    text = shown(old, build(tmp_path, cells, federation))
    assert (
        text.partition("\nparameters\n")[2]
        == """\
  ~ BATCH: int = 8 -> int = 16
  + DECAY: float = 0.0

site keys
  - DATA_FILE: str
  + TABLE: str

requirements of the client
  + openpyxl: >=3

settings
  ~ rounds: 2 -> 5
  ~ strategy: fedavg -> fedprox
  + strategy-options.proximal_mu: 0.1
  + params.LR: 0.2
"""
    )


def test_a_stage_that_is_new(old: Path, tmp_path: Path) -> None:
    cells = [*CELLS[:6], *CELLS[7:]]
    cells[-1] = ""
    text = shown(old, build(tmp_path, cells))
    assert "\nevaluate (gone)\n  - generated | from typing import Any\n" in text
    assert "\nevaluate (new)\n" in shown(build(tmp_path / "again", cells), old)


def test_digests_tell_which_packages_differ(old: Path, tmp_path: Path) -> None:
    new = build(tmp_path, edited((6, "zero_grad()", "zero_grad(set_to_none=True)")))
    before, after = contents(old), contents(new)
    changes = {each.name: (each.old, each.new) for each in compare(before, after).digests}
    assert changes["client"] == (before.digests["client"], after.digests["client"])
    client = f"  ~ client: {before.digests['client'][:12]} -> {after.digests['client'][:12]}\n"
    assert client in diff(old, new).stdout


def test_nothing_that_differs_goes_untold(old: Path, tmp_path: Path) -> None:
    new = build(tmp_path)
    for path in ("client/study_client/wire.py", "flower-app/README.md"):
        (new / path).write_text((new / path).read_text() + "# more\n")
    found = compare(contents(old), contents(new))
    assert [each.name for each in found.files] == ["client/wire.py", "flower-app/README.md"]
    assert diff(old, new).stdout.endswith(
        "\nother files\n  ~ client/wire.py\n  ~ flower-app/README.md\n"
    )


def test_colours_are_for_terminals(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = build(tmp_path, edited((2, "LR = 0.1", "LR = 0.2")))
    assert "\x1b[" not in diff(old, new).stdout
    coloured = CliRunner().invoke(app, ["diff", str(old), str(new)], color=True).stdout
    assert "\x1b[33m  ~ LR: float = 0.1 -> float = 0.2\x1b[0m\n" in coloured


def test_as_json(old: Path, tmp_path: Path) -> None:
    new = build(tmp_path, edited((6, "    optimizer.zero_grad()\n", ""), (2, "0.1", "0.2")))
    done = diff(old, new, "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["same"] is False
    assert found["stages"] == {
        "train": [
            {
                "kind": "removed",
                "old": [{"cell": 6, "line": 4, "text": "        optimizer.zero_grad()"}],
                "new": [],
            }
        ]
    }
    assert found["params"] == [
        {"name": "LR", "kind": "changed", "old": "float = 0.1", "new": "float = 0.2"}
    ]
    assert found["renumbered_cells"] == []
    same = diff(old, old, "--json")
    assert same.exit_code == 0
    assert json.loads(same.stdout)["same"] is True


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("client/study_client/train.py", None),
        ("client/study_client/params.py", "class"),
        ("client/study_client/sourcemap.json", "{"),
        ("client/study_client/sourcemap.json", '{"train.py": [[1, 2]]}'),
        ("client/study_client/sourcemap.json", "[]"),
        ("flower-app/pyproject.toml", "= ="),
    ],
)
def test_a_damaged_build_is_no_difference(
    old: Path, tmp_path: Path, path: str, content: str | None
) -> None:
    new = build(tmp_path)
    (new / path).unlink()
    if content is not None:
        (new / path).write_text(content)
    done = diff(old, new)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"error: {new} is damaged: " in done.stderr


def test_a_folder_that_is_no_build(old: Path, tmp_path: Path) -> None:
    done = diff(old, tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"error: {tmp_path} holds no build" in done.stderr
