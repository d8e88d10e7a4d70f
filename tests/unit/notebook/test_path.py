from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbfed.errors import UsageError
from nbfed.notebook.magic import run
from nbfed.notebook.path import notebook_path, saved_at


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    for name in ("heart.ipynb", "lung.ipynb"):
        (tmp_path / name).write_text("{}")


def test_vs_code_tells_it(tmp_path: Path) -> None:
    assert notebook_path({"__vsc_ipynb_file__": str(tmp_path / "heart.ipynb")}) == Path(
        "heart.ipynb"
    )


def test_jupyter_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "lung.ipynb"))
    assert notebook_path({}) == Path("lung.ipynb")


@pytest.mark.parametrize("told", ["moved.ipynb", "console-1", ""])
def test_where_nobody_does_it_is_asked_for(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", told)
    with pytest.raises(UsageError) as caught:
        notebook_path({})
    assert caught.value.hint.splitlines() == [
        "name it: %nbfed check heart.ipynb",
        "notebooks in this folder: heart.ipynb, lung.ipynb",
    ]


def test_the_state_that_is_looked_at_is_said() -> None:
    assert re.fullmatch(
        r"heart\.ipynb as it was saved at \d\d:\d\d:\d\d, less than a minute ago; changes since "
        r"then are not seen",
        saved_at(Path("heart.ipynb")),
    )


def test_a_line_without_a_command() -> None:
    with pytest.raises(UsageError, match="which command"):
        run("", {})


def test_in_a_notebook_an_error_is_its_sentence_and_its_hint() -> None:
    error = UsageError("which command?", hint="one\ntwo")
    assert error._render_traceback_() == [
        "error: which command?",
        "  = hint: one",
        "  = hint: two",
    ]
