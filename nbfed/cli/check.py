"""``nbfed check``: say what is wrong with a notebook, and write nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from nbfed.cli.compiling import rendered
from nbfed.cli.options import FederationFile, Notebook

EXAMPLE = "Example: nbfed check heart.ipynb --format github"


class Format(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    github = "github"


def command(
    notebook: Notebook,
    federation: FederationFile = None,
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.text,
) -> None:
    """Check that a notebook compiles, and that its federation.yaml fits it.

    Every finding comes with its cell and line and with what to do. Exit code 1 if one of them
    is an error.
    """
    from nbfed.compilation import compile_sources, require_federation
    from nbfed.sources import read_sources

    compiled = compile_sources(read_sources(notebook, federation))
    typer.echo(rendered(compiled, compiled.diagnostics, form), nl=False)
    require_federation(compiled)
    if compiled.program is None:
        raise typer.Exit(1)
