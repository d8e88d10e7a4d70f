from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from nbfed.cli.border import Commands
from nbfed.errors import FederationFailed, NbfedError, OutputRefused, UsageError
from nbfed.federation.errors import Problem
from nbfed.federation.schema import FederationError


def run(error: BaseException | None, *options: str) -> tuple[int, str]:
    app = typer.Typer(cls=Commands)

    @app.callback()
    def nbfed(debug: bool = False) -> None: ...

    @app.command()
    def go() -> None:
        if error:
            raise error

    result = CliRunner().invoke(app, [*options, "go"])
    assert result.stdout == ""
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (None, 0, ""),
        (NbfedError("it is so"), 1, "error: it is so\n"),
        (
            NbfedError("no", hint="do this\nor that"),
            1,
            "error: no\n  = hint: do this\n  = hint: or that\n",
        ),
        (UsageError("no such file"), 2, "error: no such file\n"),
        (OutputRefused("edited: a.py"), 3, "error: edited: a.py\n"),
        (FederationFailed("no server"), 4, "error: no server\n"),
        (typer.Exit(4), 4, ""),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (
            PermissionError(13, "Permission denied", "/data/dist"),
            1,
            "error: /data/dist: Permission denied\n",
        ),
        (
            FederationError("f.yaml", [Problem(4, "two", "mend it"), Problem(2, "one")]),
            1,
            "error: f.yaml:2: one\nerror: f.yaml:4: two\n  = hint: mend it\n",
        ),
        (
            ValueError("x"),
            1,
            "error: a mistake in nbfed itself: ValueError: x\n"
            "  = hint: `nbfed --debug ...` shows where; please report it\n",
        ),
    ],
)
def test_an_error_becomes_a_sentence_and_an_exit_code(
    error: BaseException | None, code: int, text: str
) -> None:
    assert run(error) == (code, text)


def test_debug_shows_the_traceback() -> None:
    code, text = run(NbfedError("it is so"), "--debug")
    assert code == 1
    assert "Traceback (most recent call last)" in text
    assert text.endswith("error: it is so\n")
