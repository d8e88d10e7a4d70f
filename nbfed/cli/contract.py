"""``nbfed contract``: write down what the notebook's code takes for granted about the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nbfed.cli.compiling import built
from nbfed.cli.options import FederationFile, Force, Notebook, Out
from nbfed.cli.running import require_sites
from nbfed.errors import UsageError

EXAMPLE = "Example: nbfed contract examples/heart-disease/heart.ipynb --site cleveland"


def command(
    notebook: Notebook,
    federation: FederationFile = None,
    site: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose data to describe. (default: the first of federation.yaml)",
            show_default=False,
        ),
    ] = None,
    out: Out = Path("dist"),
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the contract as JSON.")] = False,
) -> None:
    """Build, run the notebook's data cells here, and write what they make into contract.json.

    It holds kinds, types and shapes, columns, numbers of classes, and ranges of values rounded
    outwards: no example, and no number of examples. It travels in the sites' kits, where `check`
    and `start` hold each site's own data against it.
    """
    build, program, compiled = built(notebook, federation, out, force=force, complete=True)
    require_sites(compiled, program)
    sites = compiled.sources.federation.sites
    name = site or next(iter(sites))
    if name not in sites:
        from nbfed.federation.errors import nearest

        file = compiled.sources.federation_name
        raise UsageError(f"{file} has no site {name}", hint=nearest(name, sites))
    from nbfed.contract import write_contract

    written, content = write_contract(build, {"site": name, **sites[name].node_config()})
    if as_json:
        typer.echo(json.dumps(content))
        return
    parts = ", ".join(f"{part} ({made['kind']})" for part, made in content["data"].items())
    typer.echo(f"wrote {written}: {parts}; {len(content['model'])} entries of the model")
    typer.echo("read it before you give it away: it describes the data of " + name)
