"""``nbfed export``: a run's model, for other programs."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nbfed.cli.options import BuildFolder, Force

EXAMPLE = "Example: nbfed export runs/latest --format onnx"


class Format(StrEnum):
    """What the file is."""

    onnx = "onnx"
    torchscript = "torchscript"
    safetensors = "safetensors"


def command(
    context: typer.Context,
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run's folder; runs/latest is the newest.")
    ],
    form: Annotated[Format, typer.Option("--format", help="What to write.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to. (default: RUN/export)", show_default=False),
    ] = None,
    best: Annotated[
        bool, typer.Option("--best", help="Take the best weights, which `best:` had kept.")
    ] = False,
    input_shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N,...",
            help="What the model takes, rows first: 1,13. Once for each input. (default: as in "
            "the data of a site of federation.yaml on this machine)",
            show_default=False,
        ),
    ] = None,
    input_dtype: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE", help="Its type. (default: float32 for each)", show_default=False
        ),
    ] = None,
    build_folder: BuildFolder = None,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write a run's model as ONNX, TorchScript or safetensors, and its model card.

    The model is made by the run's build, in a process of its own. The file is tried: it must give
    what torch gives. MODEL_CARD.md has the run's facts; what only you can say is marked in it.
    ONNX needs `pip install 'nbfed[export]'`.
    """
    from nbfed.export.export import export
    from nbfed.notebook.weights import single_run

    folder = single_run(run)
    made = export(
        folder,
        form.value,
        out=out or folder / "export",
        build=build_folder,
        best=best,
        shapes=input_shape or [],
        dtypes=input_dtype or [],
        force=force,
        debug=bool(context.find_root().params.get("debug")),
    )
    if as_json:
        told = {"file": str(made.file), "card": str(made.card), "checked": made.checked}
        typer.echo(json.dumps({**told, "inputs": list(made.inputs)}))
        return
    typer.echo(f"wrote {made.file}: it {made.checked}")
    for each in made.inputs:
        typer.echo(f"  input {each}")
    if made.kept:
        typer.echo(f"{made.card} is as it was (--force writes it anew)")
    else:
        typer.echo(f"wrote {made.card}: fill in what it asks you for")
