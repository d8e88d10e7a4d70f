"""``nbfed admit``: let a site into the federation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nbfed.cli.options import BuildFolder

EXAMPLE = "Example: nbfed admit request.json"


def command(
    request: Annotated[
        Path, typer.Argument(metavar="FILE", help="What the site's `enroll` command wrote.")
    ],
    build_folder: BuildFolder = None,
) -> None:
    """Let a site in with the key that it made.

    It may join from now on; a server that runs already need not be started again.
    """
    from nbfed.admission import call
    from nbfed.builds import federation_of, find_build

    build = find_build(build_folder)
    site, key = call(build, "admit", request)
    typer.echo(f"{site} is admitted with the key {key.fingerprint}")
    typer.echo("compare this fingerprint with the one that the site sees, over another line")
    federation, file = federation_of(build)
    if federation.sites and site not in federation.sites:
        typer.echo(f"note: {file or 'federation.yaml'} does not name {site} yet", err=True)
