"""``nbfed diff``: what changed between two builds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "Example: nbfed diff dist-approved/heart dist/heart"


def command(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A build's folder: dist/NAME.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder to compare it with.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show what changed between two builds, in cells of the notebook.

    Lines of each stage, parameters, site keys, requirements, settings and digests. Exit code 0
    if the builds are the same, 1 if they differ, 2 if one of them cannot be read.
    """
    from nbfed.builds import find_build
    from nbfed.difference import as_json as json_text
    from nbfed.difference import as_text, compare, read_contents

    before, after = read_contents(find_build(old)), read_contents(find_build(new))
    found = compare(before, after)
    if as_json:
        typer.echo(json_text(before, after, found))
    else:
        typer.echo(as_text(before, after, found, _paint), nl=False)
    if found:
        raise typer.Exit(1)


def _paint(text: str, colour: str) -> str:
    return typer.style(text, bold=True) if colour == "bold" else typer.style(text, fg=colour)
