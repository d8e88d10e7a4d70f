"""``nbfed revoke``: shut a site out of the federation."""

from __future__ import annotations

from typing import Annotated

import typer

from nbfed.cli.options import BuildFolder

EXAMPLE = "Example: nbfed revoke cleveland"


def command(
    site: Annotated[str, typer.Argument(metavar="SITE", help="The site's name.")],
    build_folder: BuildFolder = None,
) -> None:
    """Shut a site out, at once and for good: its key does not come back.

    To let it in again, the site makes a new key.
    """
    from nbfed.admission import call
    from nbfed.builds import find_build

    key = call(find_build(build_folder), "revoke", site)
    typer.echo(f"{site} is shut out; its key {key.fingerprint} does not come back")
