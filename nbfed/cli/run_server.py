"""``nbfed run-server``: be the coordinator of a federation between machines or processes."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbfed.cli.compiling import built
from nbfed.cli.options import (
    BuildFolder,
    Events,
    FederationFile,
    Force,
    MaybeNotebook,
    Out,
    Rounds,
    RunFolder,
    Seed,
)
from nbfed.cli.running import finish
from nbfed.errors import NbfedError, UsageError

if TYPE_CHECKING:
    from nbfed.emit import Build

EXAMPLE = "Example: nbfed run-server examples/heart-disease/heart.ipynb --rounds 5"


def command(
    notebook: MaybeNotebook = None,
    build_folder: BuildFolder = None,
    federation: FederationFile = None,
    rounds: Rounds = None,
    seed: Seed = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where sites connect. (default: federation.yaml's server.address)",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="A name of this machine that sites use, for the server's certificate; may come "
            "several times. (default: the address's)",
            show_default=False,
        ),
    ] = None,
    run_dir: RunFolder = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Go on with the run in this folder, which broke off.",
            show_default=False,
        ),
    ] = None,
    out: Out = Path("dist"),
    force: Force = False,
    as_json: Events = False,
) -> None:
    """Start the federation's server, wait for its sites, and train.

    The sites join with `nbfed run-client`, or with the generated client package's own command;
    those of other machines have to be admitted, see `nbfed admit`.
    """
    if resume is not None and run_dir is not None:
        raise UsageError("give --resume or --run-dir, not both")
    build = _build(notebook, build_folder, federation, out, force=force)
    from nbfed.builds import federation_of, make_importable, notebook_folder, state_folder
    from nbfed.progress import choose_display, follow
    from nbfed.runs import EVENTS, run_folder
    from nbfed.track import tracked

    settings_now, _ = federation_of(build)
    make_importable(build.server)
    package = build.names.server_package
    node = importlib.import_module(f"{package}.server_node")
    with nullcontext(resume) if resume else run_folder(build.names.name, run_dir) as run:
        asked = {"rounds": rounds, "seed": seed, "run-dir": str(run), "engine": "federation"}
        asked["data-dir"] = str(notebook_folder(build))
        given = {k: v for k, v in asked.items() if v is not None}
        settings = _settings(package, given, resume)
        resumed = resume is not None
        with (
            follow(run, choose_display(as_json=as_json), from_now=resumed),
            tracked(run, settings_now.track, from_now=resumed),
        ):
            code = node.serve(
                settings,
                address=address or settings_now.server.address,
                names=name or [],
                state_dir=state_folder(build),
                listener=partial(_tell_where, sites=list(settings_now.sites), as_json=as_json),
            )
        if (run / EVENTS).is_file():
            finish(run, build, as_json=as_json)
    raise typer.Exit(code)


def _tell_where(event: Mapping[str, Any], *, sites: list[str], as_json: bool) -> None:
    """Say what comes before the run; its own events are read from the run's folder."""
    if event["event"] not in ("listening", "sizes-awaited"):
        return
    if as_json:
        typer.echo(json.dumps(event))
        return
    if event["event"] == "sizes-awaited":
        missing = ", ".join(event["missing"]) or "sites"
        typer.echo(f"waiting for {missing}: one of the sites tells the model's sizes first")
        return
    site = sites[0] if sites else "NAME"
    typer.echo(f"listening on {event['address']}")
    typer.echo(f"a site on this machine joins with: nbfed run-client --site {site}")
    typer.echo(f"a site elsewhere needs the client package and {event['ca']},")
    typer.echo("and is let in by: nbfed admit request.json")


def _build(
    notebook: Path | None, folder: Path | None, federation: Path | None, out: Path, *, force: bool
) -> Build:
    if notebook is not None and folder is not None:
        raise UsageError("give a notebook or --build, not both")
    if notebook is not None:
        return built(notebook, federation, out, force=force, complete=False)[0]
    from nbfed.builds import find_build

    return find_build(folder, out)


def _settings(package: str, config: dict[str, Any], resume: Path | None) -> Any:
    module = importlib.import_module(f"{package}.settings")
    try:
        if resume is not None:
            return importlib.import_module(f"{package}.resume").resumed_settings(resume, config)
        return module.Settings.from_run_config(config)
    except module.SettingsError as error:
        if resume is not None:
            raise NbfedError(str(error)) from None
        raise NbfedError(str(error), hint="mend federation.yaml, and build again") from None
