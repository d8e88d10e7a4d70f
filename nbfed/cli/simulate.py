"""``nbfed simulate``: run a notebook's federation on this machine."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbfed.cli.compiling import built
from nbfed.cli.options import Events, FederationFile, Force, Notebook, Out, Rounds, RunFolder, Seed
from nbfed.cli.running import finish, reported, require_sites
from nbfed.errors import UsageError

if TYPE_CHECKING:
    from nbfed.emit import Build
    from nbfed.outcome.results import Results

EXAMPLE = "Example: nbfed simulate examples/heart-disease/heart.ipynb --rounds 5"
_BASELINES = ("local", "pooled")


def command(
    notebook: Notebook,
    federation: FederationFile = None,
    rounds: Rounds = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes for the sites. (default: one per site, at most one per core)",
            show_default=False,
        ),
    ] = None,
    seed: Seed = None,
    baselines: Annotated[
        str,
        typer.Option(help="Models to compare with: local, pooled, both with a comma, or none."),
    ] = "local,pooled",
    seeds: Annotated[
        int,
        typer.Option(
            min=1, help="Run this many seeds, from --seed on, and show means and deviations."
        ),
    ] = 1,
    run_dir: RunFolder = None,
    out: Out = Path("dist"),
    force: Force = False,
    as_json: Events = False,
) -> None:
    """Build, then train one model over all sites of federation.yaml on this machine.

    Ends with a table: for each site, how its own model alone, the model of all data pooled and
    the federated model do on that site's test set.

    With --seeds, each seed's run is kept in the run's folder; the same command with that folder
    as --run-dir goes on where it was interrupted.
    """
    chosen = _baselines(baselines)
    build, program, compiled = built(notebook, federation, out, force=force, complete=True)
    require_sites(compiled, program)
    from nbfed.emit.run_config import run_config
    from nbfed.progress import choose_display, follow
    from nbfed.runs import new_run_folder, run_folder

    # Flower's own lines would break the display; importing it sets its level anew.
    logging.getLogger("flwr").setLevel(logging.WARNING)
    asked = {"rounds": rounds, "seed": seed}
    given = {key: value for key, value in asked.items() if value is not None}
    settings = compiled.sources.federation.model_copy(update=given)
    config = run_config(program, settings)
    first = int(config["seed"])
    if seeds > 1:
        from nbfed.engine.seeds import simulate_seeds

        run = run_dir or new_run_folder(build.names.name)
        results = simulate_seeds(
            build,
            settings,
            run_dir=run,
            seeds=range(first, first + seeds),
            config=config,
            baselines=chosen,
            workers=workers,
            around=partial(_seed, build=build, first=first, seeds=seeds, as_json=as_json),
        )
        _show(results, as_json=as_json)
        finish(run, build, as_json=as_json)
        return
    from nbfed.engine.simulate import simulate

    with run_folder(build.names.name, run_dir) as run:
        with (
            reported(run, build, as_json=as_json),
            follow(run, choose_display(as_json=as_json)),
        ):
            results = simulate(
                build, settings, run_dir=run, workers=workers, baselines=chosen, seed=first
            )
        _show(results, as_json=as_json)
        finish(run, build, as_json=as_json)


@contextmanager
def _seed(
    seed: int, run: Path, done: bool, *, build: Build, first: int, seeds: int, as_json: bool
) -> Iterator[None]:
    """Show the run of one seed, or say that there is one."""
    from nbfed.progress import choose_display, follow

    if as_json:
        line = {"event": "seed", "seed": seed, "run": str(run), "done": done}
        typer.echo(json.dumps(line))
    else:
        before = ": finished before" if done else ""
        typer.echo(f"seed {seed} ({seed - first + 1} of {seeds}){before}")
    if done:
        yield
        return
    with reported(run, build, as_json=as_json), follow(run, choose_display(as_json=as_json)):
        yield
    finish(run, build, as_json=True)  # which writes the report, and says nothing


def _baselines(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names == ("none",):
        return ()
    if unknown := [name for name in names if name not in _BASELINES]:
        raise UsageError(
            f"there is no baseline {unknown[0]}", hint="known are `local`, `pooled`, and `none`"
        )
    return names


def _show(results: Results, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"event": "results", **asdict(results)}))
        return
    from nbfed.cli.tables import table_console
    from nbfed.outcome.table import print_results

    print_results(table_console(), results)
