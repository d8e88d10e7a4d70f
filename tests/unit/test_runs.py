from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from nbfed.errors import OutputRefused, UsageError
from nbfed.runs import find_run, new_run_folder, run_folder, seed_runs


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


def made(folder: Path, second: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text("")
    os.utime(folder / "events.jsonl", (second, second))
    return folder


def test_latest_is_the_run_that_was_written_last(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    made(runs / "b", 100)
    last = made(runs / "a", 200)
    (runs / "notes").mkdir()
    assert find_run(runs / "latest") == last
    made(runs / "several/seeds/11", 250)
    made(runs / "several/seeds/7", 300)
    assert find_run(runs / "latest") == runs / "several"
    assert [path.name for path in seed_runs(runs / "several")] == ["7", "11"]


def test_what_is_no_run_is_said_with_those_that_are(tmp_path: Path) -> None:
    made(tmp_path / "a", 100)
    with pytest.raises(UsageError, match="holds no run") as caught:
        find_run(tmp_path)
    assert caught.value.hint == f"runs there: {tmp_path / 'a'}"
    with pytest.raises(UsageError, match="there is no run in"):
        find_run(tmp_path / "elsewhere" / "latest")
