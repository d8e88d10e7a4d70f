"""``nbfed sweep``: a simulation for each of several settings, and which did best."""

from __future__ import annotations

import json
import logging
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbfed.cli.compiling import built
from nbfed.cli.options import Events, FederationFile, Force, Notebook, Out, Rounds, Seed, Workers
from nbfed.cli.running import require_sites
from nbfed.cli.seeds import seed_shown
from nbfed.errors import FederationFailed, NbfedError

if TYPE_CHECKING:
    from nbfed.sweep.axes import Point
    from nbfed.sweep.ranking import Ranking

EXAMPLE = "Example: nbfed sweep heart.ipynb --set strategy=fedavg,fedprox --set params.LR=0.01,0.1"


class Mode(StrEnum):
    """Which way a metric is better."""

    max = "max"
    min = "min"


def command(
    notebook: Notebook,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE,...",
            help="A key of federation.yaml (strategy, strategy.OPTION, params.NAME, rounds, "
            "min_sites) and its values; may come several times, for all combinations.",
            show_default=False,
        ),
    ] = None,
    federation: FederationFile = None,
    rounds: Rounds = None,
    workers: Workers = None,
    seed: Seed = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds for each point, from --seed on.")] = 1,
    metric: Annotated[
        str,
        typer.Option(
            help="What to rank by. (default: federation.yaml's best.metric, else the first)",
            show_default=False,
        ),
    ] = "",
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="Which way it is better. (default: best.mode, else by its name)",
            show_default=False,
        ),
    ] = None,
    sweep_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where all goes. (default: sweeps/NAME)", show_default=False
        ),
    ] = None,
    out: Out = Path("dist"),
    force: Force = False,
    as_json: Events = False,
) -> None:
    """Simulate every combination of the settings, and rank them.

    The same command goes on where it was interrupted: points that were finished are not run
    again. Changes of the data are not noticed: take another --sweep-dir. Exit code 4 if a point
    failed; the others are ranked all the same.
    """
    from nbfed.sweep.axes import parse_axes, points

    chosen = points(parse_axes(settings or []))
    build, program, compiled = built(notebook, federation, out, force=force, complete=True)
    require_sites(compiled, program)
    if program.evaluate is None:
        raise NbfedError(
            f"{notebook} evaluates nothing: there is nothing to rank by",
            hint="give the cells that compute metrics the role evaluate",
        )
    from nbfed.emit.run_config import run_config
    from nbfed.sweep.ranking import ranked, require_metric
    from nbfed.sweep.run import run_points

    # Flower's own lines would break the display; importing it sets its level anew.
    logging.getLogger("flwr").setLevel(logging.WARNING)
    asked = {"rounds": rounds, "seed": seed}
    given = {key: value for key, value in asked.items() if value is not None}
    base = compiled.sources.federation.model_copy(update=given)
    first = int(run_config(program, base)["seed"])
    folder = sweep_dir or Path("sweeps") / build.names.name
    by, way = metric, mode.value if mode else ""
    if base.best and by in ("", base.best.metric):
        by, way = base.best.metric, way or base.best.mode
    if by and not program.evaluate.mapping:  # else the names are only known as it runs
        require_metric(by, program.evaluate.results)
    outcomes = run_points(
        chosen,
        build,
        program,
        base,
        folder=folder,
        seeds=seeds,
        baselines=(),
        workers=workers,
        announce=partial(_announce, points=len(chosen), as_json=as_json),
        around=partial(
            seed_shown,
            build=build,
            seeds=range(first, first + seeds),
            track=base.track,
            as_json=as_json,
        ),
    )
    _show(ranked(list(outcomes), by, way), folder, as_json=as_json)


def _announce(number: int, point: Point, *, points: int, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"event": "point", "number": number, "set": dict(point.values)}))
    else:
        typer.echo(f"point {number} of {points}: {point.label}")


def _show(ranking: Ranking, folder: Path, *, as_json: bool) -> None:
    from nbfed.files import write_whole
    from nbfed.outcome.plain import plain
    from nbfed.sweep.ranking import as_record, ranking_table

    record = plain(as_record(ranking))
    write_whole(folder / "sweep.json", json.dumps(record, indent=2) + "\n")
    if as_json:
        typer.echo(json.dumps({"event": "sweep", **record}))
    else:
        from nbfed.cli.tables import table_console

        table_console().print(ranking_table(ranking), markup=False)
        for warning in ranking.warnings:
            typer.echo(f"warning: {warning}", err=True)
        best = ranking.outcomes[0]
        if best.results:
            typer.echo(f"best: {best.point.label}, in {best.folder}/")
    if failed := [each for each in ranking.outcomes if each.error]:
        told = "; ".join(f"{each.point.label}: {each.error}" for each in failed)
        raise FederationFailed(f"{len(failed)} of {len(ranking.outcomes)} points failed: {told}")
