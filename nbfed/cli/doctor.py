"""``nbfed doctor``: the environment, for a bug report."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

EXAMPLE = "Example: nbfed doctor --json"


def command(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for scripts.")
    ] = False,
) -> None:
    """Print the environment for a bug report: versions, and no path or name of yours.

    Ends with exit code 1 if a package that nbfed needs is missing or too old.
    """
    from nbfed.environment import environment

    found = environment()
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        typer.echo(f"nbfed {found.nbfed}, {found.python}, {found.system}, {found.cores} cores")
        for name, version in found.packages.items():
            typer.echo(f"  {name:<22} {version or '-'}")
        for problem in found.problems:
            typer.echo(f"problem: {problem}")
        if not found.problems:
            typer.echo("nothing is wrong with it")
    if found.problems:
        raise typer.Exit(1)
