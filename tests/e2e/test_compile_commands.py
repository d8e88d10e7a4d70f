"""``nbfed build`` and ``nbfed check`` on a whole small study."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import environment, nbfed
from tests.e2e.study import CELLS, FEDERATION, notebook_text, write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The folder that the commands run in; the notebook is study/study.ipynb."""
    write_study(tmp_path / "study")
    return tmp_path


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_build_writes_both_packages_and_says_where(study: Path) -> None:
    done = nbfed("build", "study/study.ipynb", cwd=study)
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "wrote dist/study/server/ and dist/study/client/",
    )
    written = snapshot(study / "dist" / "study")
    assert "server/study_server/model.py" in written
    assert "client/study_client/train.py" in written


def test_building_twice_gives_the_same_bytes_and_says_so(study: Path) -> None:
    nbfed("build", "study/study.ipynb", cwd=study)
    before = snapshot(study / "dist")
    done = nbfed("build", "study/study.ipynb", cwd=study)
    assert done.out.startswith("unchanged: dist/study/server/")
    assert snapshot(study / "dist") == before


def test_build_runs_nothing_of_the_notebook_and_imports_neither_torch_nor_flwr(
    study: Path,
) -> None:
    cells = ("open('it-ran', 'w').close()  # nobody asked for this", *CELLS)
    (study / "study" / "study.ipynb").write_text(notebook_text(cells), encoding="utf-8")
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from nbfed.cli.app import app\n"
        "done = CliRunner().invoke(app, ['build', 'study/study.ipynb'])\n"
        "assert done.exit_code == 0, done.output\n"
        "print(sorted({'torch', 'flwr', 'numpy', 'pandas'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=study,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
    assert not list(study.rglob("it-ran"))


def test_build_check_fails_until_the_output_is_up_to_date(study: Path) -> None:
    done = nbfed("build", "study/study.ipynb", "--check", cwd=study)
    assert done.code == 1
    assert "out of date: dist/study/" in done.err
    assert not (study / "dist").exists()
    nbfed("build", "study/study.ipynb", cwd=study)
    assert nbfed("build", "study/study.ipynb", "--check", cwd=study).out == "up to date\n"
    changed = [cell.replace("LR = 0.1", "LR = 0.2") for cell in CELLS]
    (study / "study" / "study.ipynb").write_text(notebook_text(changed), encoding="utf-8")
    done = nbfed("build", "study/study.ipynb", "--check", cwd=study)
    assert done.code == 1
    assert "client/study_client/params.py" in done.err


def test_an_edited_file_is_not_overwritten(study: Path) -> None:
    nbfed("build", "study/study.ipynb", cwd=study)
    edited = study / "dist" / "study" / "client" / "study_client" / "train.py"
    edited.write_text("# mine\n", encoding="utf-8")
    done = nbfed("build", "study/study.ipynb", cwd=study)
    assert done.code == 3
    assert "dist/study/client/study_client/train.py" in done.err
    assert edited.read_text(encoding="utf-8") == "# mine\n"
    assert nbfed("build", "study/study.ipynb", "--force", cwd=study).code == 0
    assert edited.read_text(encoding="utf-8") != "# mine\n"


def test_a_folder_of_someone_else_is_not_touched(study: Path) -> None:
    theirs = study / "dist" / "study" / "thesis.tex"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("years of work", encoding="utf-8")
    done = nbfed("build", "study/study.ipynb", cwd=study)
    assert done.code == 3
    assert snapshot(study / "dist") == {"study/thesis.tex": b"years of work"}


def test_build_as_json(study: Path) -> None:
    done = nbfed("build", "study/study.ipynb", "--json", cwd=study)
    build = json.loads(done.out)
    assert (build["name"], build["folder"], build["changed"]) == ("study", "dist/study", True)
    written = snapshot(study / "dist" / "study")
    assert sorted(build["files"]) == sorted(written.keys() - {"build.json"})


def test_check_finds_nothing_wrong_and_writes_nothing(study: Path) -> None:
    before = snapshot(study)
    done = nbfed("check", "study/study.ipynb", cwd=study)
    assert done.code == 0
    assert done.out.endswith("No problems found.\n")
    assert snapshot(study) == before


def test_check_shows_each_problem_with_its_place(study: Path) -> None:
    cells = [cell.replace("# nbfed: train\n", "# nbfed: traning\n") for cell in CELLS]
    (study / "study" / "study.ipynb").write_text(notebook_text(cells), encoding="utf-8")
    done = nbfed("check", "study/study.ipynb", cwd=study)
    assert done.code == 1
    assert "study.ipynb:cell 6:1:10: NBF112" in done.out
    as_json = nbfed("check", "study/study.ipynb", "--format", "json", cwd=study)
    assert as_json.code == 1
    found = json.loads(as_json.out)
    assert ("NBF112", 6) in {(each["code"], each["cell"]) for each in found}
    as_github = nbfed("check", "study/study.ipynb", "--format", "github", cwd=study)
    assert "::error title=nbfed NBF112,file=study.ipynb" in as_github.out


def test_build_with_an_error_in_the_notebook_writes_nothing(study: Path) -> None:
    cells = [cell.replace("# nbfed: train\n", "# nbfed: traning\n") for cell in CELLS]
    (study / "study" / "study.ipynb").write_text(notebook_text(cells), encoding="utf-8")
    done = nbfed("build", "study/study.ipynb", cwd=study)
    assert done.code == 1
    assert "NBF112" in done.err
    assert not (study / "dist").exists()


@pytest.mark.parametrize("command", ["build", "check"])
def test_a_mistake_in_federation_yaml_is_told_with_its_line(study: Path, command: str) -> None:
    file = study / "study" / "federation.yaml"
    file.write_text(FEDERATION.replace("rounds:", "round:"), encoding="utf-8")
    done = nbfed(command, "study/study.ipynb", cwd=study)
    assert (done.code, done.err) == (
        1,
        "error: study/federation.yaml:3: unknown key `round`\n  = hint: did you mean `rounds`?\n",
    )


def test_federation_yaml_must_fit_the_notebook(study: Path) -> None:
    file = study / "study" / "federation.yaml"
    file.write_text(FEDERATION + "params: {LRR: 1}\n", encoding="utf-8")
    done = nbfed("build", "study/study.ipynb", cwd=study)
    assert done.code == 1
    assert (
        "error: study/federation.yaml:10: study.ipynb has no parameter `LRR`\n"
        "  = hint: did you mean `LR`?\n"
    ) in done.err
