"""``nbfed build``: write a notebook out as packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbfed.cli.compiling import compiled_or_exit
from nbfed.cli.options import FederationFile, Force, Notebook, Out
from nbfed.errors import NbfedError

if TYPE_CHECKING:
    from nbfed.emit import Build

_SHOWN = 5
EXAMPLE = "Example: nbfed build examples/heart-disease/heart.ipynb"


def command(
    notebook: Notebook,
    federation: FederationFile = None,
    out: Out = Path("dist"),
    force: Force = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the output is out of date.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compile a notebook into a server package and a client package.

    None of the notebook's code is run. A folder that nbfed did not make, or whose files were
    edited, is left as it is unless you say --force.
    """
    program, compiled = compiled_or_exit(notebook, federation, complete=False, notes=not as_json)
    from nbfed.compilation import stale_files, write_build

    if check:
        _require_current(stale_files(program, compiled, out))
        return
    build = write_build(program, compiled, out, force=force)
    typer.echo(_as_json(build) if as_json else _as_text(build))


def _require_current(stale: list[str]) -> None:
    if stale:
        more = f" and {len(stale) - _SHOWN} more" if len(stale) > _SHOWN else ""
        raise NbfedError(
            f"out of date: {', '.join(stale[:_SHOWN])}{more}",
            hint="run the same command without --check",
        )
    typer.echo("up to date")


def _as_text(build: Build) -> str:
    state = "wrote" if build.changed else "unchanged:"
    return (
        f"{state} {build.server}/ and {build.client}/\n"
        f"next: nbfed simulate, or pip install each at its own place; "
        f"their README.md says what to run"
    )


def _as_json(build: Build) -> str:
    return json.dumps(
        {
            "name": build.names.name,
            "folder": str(build.folder),
            "changed": build.changed,
            "client_digest": build.manifest.client_digest,
            "server_digest": build.manifest.server_digest,
            "files": sorted(build.manifest.files),
        }
    )
