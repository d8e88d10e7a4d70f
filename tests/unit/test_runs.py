from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbfed.errors import OutputRefused
from nbfed.runs import new_run_folder, run_folder


def test_every_run_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [new_run_folder("heart") for _ in range(3)]
    assert len(set(folders)) == 3
    for folder in folders:
        assert folder.is_dir()
        assert re.fullmatch(r"runs/\d{8}T\d{6}Z-heart(-\d+)?", folder.as_posix())


def test_a_wanted_folder_may_exist_but_must_be_empty(tmp_path: Path) -> None:
    wanted = tmp_path / "mine"
    assert new_run_folder("heart", wanted) == wanted
    assert new_run_folder("heart", wanted) == wanted
    (wanted / "events.jsonl").write_text("")
    with pytest.raises(OutputRefused, match="is not empty"):
        new_run_folder("heart", wanted)


def test_a_run_that_wrote_nothing_leaves_no_folder(tmp_path: Path) -> None:
    with run_folder("heart", tmp_path / "nothing") as nothing:
        pass
    with run_folder("heart", tmp_path / "something") as something:
        (something / "events.jsonl").write_text("")
    assert not nothing.exists()
    assert something.is_dir()
