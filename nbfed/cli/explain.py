"""``nbfed explain``: the page about one diagnostic."""

from __future__ import annotations

from typing import Annotated

import typer

EXAMPLE = "Example: nbfed explain NBF201"


def command(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A code, for example NBF201.")],
) -> None:
    """Explain a diagnostic: what it means, and an example before and after."""
    from nbfed.catalogue import CATALOGUE
    from nbfed.errors import UsageError
    from nbfed.federation.errors import nearest
    from nbfed.reporters import render_explanation

    entry = CATALOGUE.get(code.strip().upper())
    if entry is None:
        raise UsageError(f"there is no code {code}", hint=nearest(code.upper(), CATALOGUE))
    typer.echo(render_explanation(entry), nl=False)
