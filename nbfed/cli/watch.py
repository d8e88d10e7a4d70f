"""``nbfed watch``: follow a run in the browser."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nbfed.cli.options import Run
from nbfed.runs import LATEST, RUNS

EXAMPLE = "Example: nbfed watch runs/latest --browser"


def command(
    run: Run = RUNS / LATEST,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="The page's port on 127.0.0.1; 0 for any that is free."
        ),
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print where the page is, and the run's end, as JSON.")
    ] = False,
) -> None:
    """Show a run on a page of this machine, live, until Ctrl-C.

    The page is for this machine alone (127.0.0.1), reads the run's events as they are written, and
    has a link to the report, which says at the end whether federating was worth it.
    """
    from nbfed.runs import find_run
    from nbfed.watch.feed import Feed
    from nbfed.watch.server import HOST, listen, serve

    folder = find_run(run)
    listener = listen(port)
    url = f"http://{HOST}:{listener.getsockname()[1]}/"

    def ended(outcome: str) -> None:
        if as_json:
            line = {"event": "run-finished", "outcome": outcome, "report": f"{url}report"}
            typer.echo(json.dumps(line))
        else:
            typer.echo(f"the run has ended ({outcome}); its report: {url}report")

    with listener:
        feed = Feed(folder)
        if as_json:
            typer.echo(json.dumps({"event": "watching", "run": str(folder), "url": url}))
        else:
            typer.echo(f"{folder} is shown at {url} (Ctrl-C ends it)")
        if browser:
            typer.launch(url)
        serve(feed, listener, ended)
