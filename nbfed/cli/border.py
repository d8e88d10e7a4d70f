"""The one place where errors turn into what the person at the terminal reads."""

from __future__ import annotations

import traceback
from typing import Any

import click
import typer
from typer.core import TyperGroup

from nbfed.errors import NbfedError
from nbfed.template_folder import loaded_module

INTERRUPTED = 130


class Commands(TyperGroup):
    """Runs a command, and turns what it raises into a sentence, a hint and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for.

        Raises typer.Exit with the exit code that belongs to the error.
        """
        try:
            # As the generated commands end, so do these.
            with loaded_module("shared/terminable.py").terminable():
                return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise  # click ends the process as each of them asks for
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)
            code = INTERRUPTED
        except Exception as error:  # noqa: BLE001 (the border of the process)
            if ctx.params.get("debug"):
                traceback.print_exc()
            code = _show(error)
        raise typer.Exit(code)


def _show(error: Exception) -> int:
    if isinstance(error, NbfedError):
        for sentence, hint in error.findings():
            _say(sentence, hint)
        return error.exit_code
    if isinstance(error, OSError) and error.filename:
        _say(f"{error.filename}: {error.strerror}")
    else:
        hint = "`nbfed --debug ...` shows where; please report it"
        _say(f"a mistake in nbfed itself: {type(error).__name__}: {error}", hint)
    return NbfedError.exit_code


def _say(sentence: str, hint: str = "") -> None:
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(sentence, err=True)
    for line in hint.splitlines():
        typer.echo(f"  = hint: {line}", err=True)
