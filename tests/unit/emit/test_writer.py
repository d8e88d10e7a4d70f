"""Writing a build: never over what others wrote, all of it or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbfed.emit.manifest import MANIFEST, Manifest, edited_files, sha256
from nbfed.emit.writer import read_manifest, write_build
from nbfed.errors import OutputRefused


def build(files: dict[str, str]) -> dict[str, bytes]:
    data = {path: text.encode() for path, text in files.items()}
    manifest = Manifest(
        name="demo",
        nbfed="1",
        notebook="nb.ipynb",
        federation="",
        client_digest="c",
        server_digest="s",
        files={path: sha256(content) for path, content in data.items()},
    )
    return {**data, MANIFEST: manifest.to_json()}


def texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


def test_a_build_is_written_once(tmp_path: Path) -> None:
    folder = tmp_path / "dist" / "demo"
    files = build({"a/b.py": "x", "c.py": "y"})
    assert write_build(folder, files)
    assert texts(folder) == {"a/b.py": "x", "c.py": "y"}
    assert not write_build(folder, files)
    assert [path.name for path in folder.parent.iterdir()] == ["demo"]


def test_a_later_build_replaces_an_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    write_build(folder, build({"old.py": "x", "same.py": "s"}))
    assert write_build(folder, build({"new.py": "y", "same.py": "s"}))
    assert texts(folder) == {"new.py": "y", "same.py": "s"}


def test_a_folder_of_someone_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputRefused, match="was not made by nbfed"):
        write_build(tmp_path, build({"a.py": "x"}))
    assert texts(tmp_path) == {"thesis.tex": "years of work"}


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        pytest.param(lambda f: (f / "a.py").write_text("edited"), "a.py", id="changed"),
        pytest.param(lambda f: (f / "a.py").unlink(), "a.py", id="deleted"),
        pytest.param(lambda f: (f / "mine.py").write_text("z"), "mine.py", id="added"),
    ],
)
def test_an_edit_is_refused_and_named(tmp_path: Path, edit: object, named: str) -> None:
    folder = tmp_path / "demo"
    write_build(folder, build({"a.py": "x", "b.py": "y"}))
    assert callable(edit)
    edit(folder)
    before = texts(folder)
    with pytest.raises(OutputRefused) as refused:
        write_build(folder, build({"a.py": "x2", "b.py": "y"}))
    assert named in refused.value.message
    assert "--force" in refused.value.hint
    assert texts(folder) == before


def test_force_overwrites_edits_and_keeps_added_files(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    write_build(folder, build({"a.py": "x"}))
    (folder / "a.py").write_text("edited")
    (folder / "mine.py").write_text("z")
    assert write_build(folder, build({"a.py": "x2"}), force=True)
    assert texts(folder) == {"a.py": "x2", "mine.py": "z"}


def test_what_tools_leave_is_no_edit(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    write_build(folder, build({"p/a.py": "x"}))
    for left in ("p/__pycache__/a.pyc", "demo.egg-info/PKG-INFO", "build/lib/a.py"):
        (folder / left).parent.mkdir(parents=True, exist_ok=True)
        (folder / left).write_text("x")
    assert write_build(folder, build({"p/a.py": "x2"}))
    assert (folder / "p/a.py").read_text() == "x2"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("file")
    with pytest.raises(OutputRefused, match="is a file"):
        write_build(tmp_path / "demo", build({"a.py": "x"}), force=True)


def test_a_failing_write_leaves_the_old_build(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    write_build(folder, build({"a.py": "x"}))
    # A path below a file cannot be made: the write fails half-way.
    with pytest.raises(OSError):
        write_build(folder, {**build({"a.py": "x2"}), "a.py/below.py": b"y"})
    assert texts(folder) == {"a.py": "x"}
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_broken_manifest_is_none(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{]")
    assert read_manifest(tmp_path) is None


def test_edited_files_are_sorted() -> None:
    manifest = Manifest("n", "1", "", "", "c", "s", {"b": "1", "a": "2"})
    assert edited_files(manifest, {"b": "1x", "c": "3"}) == ["a", "b", "c"]
