"""``nbfed report``: write a run's page, report.html."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nbfed.cli.options import Run
from nbfed.runs import LATEST, RUNS

EXAMPLE = "Example: nbfed report runs/latest --open"


def command(
    run: Run = RUNS / LATEST,
    open_it: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print where the page is as JSON, for scripts.")
    ] = False,
) -> None:
    """Write report.html into a run's folder, anew from what the run left there.

    One page that needs no network: whether federating was worth it and how sure that is, curves,
    who took part when, bytes and time, the program, the configuration. `simulate` and `run-server`
    write it at their end by themselves.
    """
    from nbfed.report import write_report
    from nbfed.runs import find_run

    report = write_report(find_run(run))
    if as_json:
        typer.echo(json.dumps({"report": str(report)}))
    else:
        typer.echo(f"report: {report}")
    if open_it:
        typer.launch(report.resolve().as_uri())
