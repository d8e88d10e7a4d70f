"""``nbfed init`` on a notebook without a mark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nbfed.cli.app import app
from nbfed.federation.schema import Federation
from tests.e2e.study import CELLS, notebook_text

UNMARKED = [cell.partition("\n")[2] if cell.startswith("# nbfed") else cell for cell in CELLS]
DIFFERS = "`DATA_FILE` will differ from site to site"
BACKWARD = "calls `.backward()` at line 5"
MEASURES = "runs the model without gradients and measures it"
UNMARKED[6] = "model.eval()\n" + UNMARKED[6]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write(tmp_path, UNMARKED)


def write(folder: Path, cells: list[str]) -> Path:
    notebook = folder / "study.ipynb"
    notebook.write_text(json.dumps(json.loads(notebook_text(cells)), indent=1), encoding="utf-8")
    return notebook


def init(notebook: Path, *options: str | Path) -> Result:
    arguments = ["init", str(notebook), *map(str, options)]
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "140"})


def test_without_write_nothing_changes(study: Path) -> None:
    before = study.read_bytes()
    done = init(study)
    assert done.exit_code == 0
    assert study.read_bytes() == before
    assert [path.name for path in study.parent.iterdir()] == ["study.ipynb"]
    rows = [
        [part.strip() for part in line.split("│")[1:-1]]
        for line in done.stdout.splitlines()
        if line.startswith("│")
    ]
    assert rows == [
        ["2", "1", "params", "certain", "sets `LR`", "LR = 0.1"],
        ["3", "1", "site", "likely", DIFFERS, "DATA_FILE = 'north.csv'"],
        ["4", "5", "data", "certain", "makes the loaders", "train_loader = DataLoader(TensorDat…"],
        ["5", "1", "model", "certain", "makes `model`", "model = nn.Sequential(nn.Linear(2, …"],
        ["6", "2", "train", "certain", BACKWARD, "for x, y in train_loader:"],
        ["7", "4", "evaluate", "certain", MEASURES, "for x, y in test_loader:"],
    ]
    assert "\nwith these tags it compiles\n" in done.stdout
    assert done.stdout.endswith(f"to write the tags: nbfed init {study} --write\n")


def test_write_adds_tags_and_a_federation_that_fits(study: Path) -> None:
    before = json.loads(study.read_text())
    done = init(study, "--write")
    assert done.exit_code == 0
    after = json.loads(study.read_text())
    tags = [cell["metadata"].pop("tags", []) for cell in after["cells"]]
    roles = ("params", "site", "data", "model", "train", "evaluate")
    assert tags == [[], *([f"nbfed:{role}"] for role in roles), []]
    for cell in before["cells"]:
        cell["metadata"].pop("tags", None)
    assert after == before
    file = study.parent / "federation.yaml"
    federation = Federation.from_text(file.read_text())
    assert (federation.name, federation.notebook) == ("study", "study.ipynb")
    assert {name: site.params for name, site in federation.sites.items()} == {
        "hospitalA": {"DATA_FILE": "data/hospitalA.csv"},
        "hospitalB": {"DATA_FILE": "data/hospitalB.csv"},
    }
    assert done.stdout.endswith(
        f"wrote 6 tags into {study}\n"
        f"wrote {file}; hospitalA and hospitalB in it are examples\n\n"
        "the notebook compiles\n"
        f"give each site its values in {file}\n"
        f"then: nbfed simulate {study}\n"
    )
    assert CliRunner().invoke(app, ["check", str(study)]).exit_code == 0


def test_writing_twice_changes_nothing_more(study: Path) -> None:
    init(study, "--write")
    files = {path: path.read_bytes() for path in study.parent.iterdir()}
    done = init(study, "--write")
    assert done.exit_code == 0
    assert {path: path.read_bytes() for path in study.parent.iterdir()} == files
    assert "nothing to propose" in done.stdout
    assert f"{study} is as it was\n" in done.stdout


def test_a_federation_that_exists_is_never_overwritten(study: Path) -> None:
    file = study.parent / "federation.yaml"
    file.write_text("name: ours\nsites: {}\nparams: {LRR: 1}\n")
    done = init(study, "--write")
    assert done.exit_code == 0
    assert file.read_text() == "name: ours\nsites: {}\nparams: {LRR: 1}\n"
    assert f"{file} exists and is as it was\n" in done.stdout
    assert (
        f"left to do:\n{file}:3: study.ipynb has no parameter `LRR`\n"
        "  = hint: did you mean `LR`?\n" in done.stdout
    )


def test_a_federation_may_be_named_and_be_new(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "other" / "study.yaml"
    file.parent.mkdir()
    (tmp_path / "federation.yaml").write_text("notebook: another.ipynb\n")
    assert init(study).exit_code == 1
    assert init(study, "--federation", file, "--write").exit_code == 0
    assert Federation.from_text(file.read_text()).notebook == "../study.ipynb"


def test_uncertain_roles_are_left_to_the_person(tmp_path: Path) -> None:
    cells = list(UNMARKED)
    cells[0] += "\nEPOCHS = 2"
    notebook = write(tmp_path, [*cells, cells[5]])
    before = notebook.read_bytes()
    done = init(notebook)
    assert "for you to decide:" in done.stdout
    assert "  cell 1 line 6: uncertain: `# nbfed: params` above it?\n" in done.stdout
    assert "  cell 6 line 2: uncertain: `# nbfed: train` above it?\n" in done.stdout
    assert "with these tags there would be left to do:" in done.stdout
    assert "study.ipynb: NBF110 " in done.stdout
    assert notebook.read_bytes() == before


def test_a_comment_that_would_contradict_the_tag_is_told_how(tmp_path: Path) -> None:
    cells = list(UNMARKED)
    cells[3] = "WORKERS = 0\n" + cells[3]
    done = init(write(tmp_path, cells))
    assert (
        "  cell 4 line 1: uncertain: `# nbfed: params` above it? "
        "Then `# nbfed: data` above line 6 instead of the tag.\n" in done.stdout
    )


def test_as_json(study: Path) -> None:
    done = init(study, "--json", "--write")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["proposals"][4] == {
        "cell": 6,
        "line": 2,
        "role": "train",
        "confidence": "certain",
        "reason": BACKWARD,
        "as_tag": True,
        "code": "for x, y in train_loader:",
    }
    assert {key: found[key] for key in ("notebook", "federation", "compiles")} == {
        "notebook": str(study),
        "federation": str(study.parent / "federation.yaml"),
        "compiles": True,
    }
    assert (found["wrote_tags"], found["wrote_federation"]) == (True, True)
    assert found["federation_problems"] == []
    assert {each["severity"] for each in found["diagnostics"]} <= {"info"}


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    notebook = tmp_path / "a.ipynb"
    assert init(notebook).exit_code == 2
    notebook.write_text("import torch")
    done = init(notebook, "--write")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("a.ipynb: NBF101 not a notebook")
    as_json = init(notebook, "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)[0]["code"] == "NBF101"
