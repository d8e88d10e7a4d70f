"""``nbfed compare``: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nbfed.errors import UsageError

EXAMPLE = "Example: nbfed compare runs/fedavg runs/fedprox runs/latest"


def command(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...", help="Folders of runs, or of several seeds; runs/latest is one too."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Set runs side by side: what they were, and how their models do at each site.

    Says on stderr why runs may not be comparable: other programs, other data, rounds that are
    missing. Exit code 0 all the same; 2 where a folder holds no run.
    """
    if len(runs) < 2:
        raise UsageError("name at least two runs", hint="nbfed compare runs/a runs/b")
    from nbfed.outcome.comparison import as_json as json_text
    from nbfed.outcome.comparison import comparison_table, read_columns, warnings

    columns = read_columns(runs)
    if as_json:
        typer.echo(json_text(columns))
        return
    from nbfed.cli.tables import table_console

    table_console().print(comparison_table(columns), markup=False)
    for warning in warnings(columns):
        typer.echo(f"warning: {warning}", err=True)
