from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbfed.emit import Build, Names, read_manifest
from nbfed.report.program import keep_program, read_program

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "heart"


@pytest.fixture
def build(tmp_path: Path) -> Build:
    folder = tmp_path / "heart"
    folder.mkdir()
    for side in ("client", "server"):
        (folder / side).symlink_to(GOLDEN / side)
    manifest = {
        "name": "heart", "nbfed": "0.1.0", "notebook": "../heart.ipynb", "federation": "",
        "client_digest": "c0", "server_digest": "5e", "files": {},
    }  # fmt: skip
    (folder / "build.json").write_text(json.dumps(manifest), encoding="utf-8")
    read = read_manifest(folder)
    assert read is not None
    return Build(folder, Names("heart"), read, changed=False)


def test_a_program_is_kept_with_its_run(build: Build, tmp_path: Path) -> None:
    keep_program(build, tmp_path)
    program = read_program(tmp_path)
    assert program is not None
    assert (program.notebook, program.client_digest) == ("heart.ipynb", "c0")
    parts = {part.role: part for part in program.parts}
    assert list(parts) == ["params", "site", "data", "model", "train", "evaluate"]
    assert parts["params"].cells == parts["site"].cells == (11,)
    assert parts["train"].cells == (12, 19, 21)
    assert "def train(" in parts["train"].code


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"parts": 1}', '{"parts": [{}]}'])
def test_a_run_without_its_program(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "program.json").write_text(text, encoding="utf-8")
    assert read_program(tmp_path) is None
