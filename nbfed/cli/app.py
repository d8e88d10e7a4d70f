"""The application: global options, and the commands by name.

Nothing heavy is imported here: each command imports what it runs when it runs.
"""

from __future__ import annotations

from typing import Annotated

import typer

from nbfed import __version__
from nbfed.cli import (
    admit,
    build,
    check,
    contract,
    diff,
    doctor,
    explain,
    init,
    report,
    revoke,
    run_client,
    run_server,
    simulate,
    watch,
)
from nbfed.cli.border import Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nbfed {__version__}")
        raise typer.Exit


@app.callback()
def nbfed(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the Python traceback of an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Compile a Jupyter notebook into a federation, and run it."""


for module in (
    init,
    build,
    check,
    diff,
    explain,
    contract,
    simulate,
    run_server,
    run_client,
    report,
    watch,
    admit,
    revoke,
    doctor,
):
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    app.command(name, epilog=module.EXAMPLE)(module.command)
