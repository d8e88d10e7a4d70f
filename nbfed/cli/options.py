"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Notebook = Annotated[
    Path, typer.Argument(metavar="NOTEBOOK", help="The notebook, for example heart.ipynb.")
]
MaybeNotebook = Annotated[
    Path | None,
    typer.Argument(metavar="[NOTEBOOK]", help="Build this notebook first.", show_default=False),
]
FederationFile = Annotated[
    Path | None,
    typer.Option(
        "--federation",
        metavar="FILE",
        help="The federation's settings. (default: federation.yaml beside the notebook)",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Where builds go, each in its own folder.")]
Force = Annotated[
    bool, typer.Option("--force", help="Overwrite files that nbfed did not write or you edited.")
]
BuildFolder = Annotated[
    Path | None,
    typer.Option(
        "--build",
        metavar="DIR",
        help="A build made before. (default: the only one below dist/)",
        show_default=False,
    ),
]
Rounds = Annotated[
    int | None,
    typer.Option(min=1, help="Rounds. (default: federation.yaml's)", show_default=False),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Seed of all that is random. (default: federation.yaml's, else the notebook's)",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes for the sites. (default: one per site, at most one per core)",
        show_default=False,
    ),
]
Run = Annotated[
    Path,
    typer.Argument(
        metavar="[RUN]", help="A run's folder; runs/latest is the newest one.", show_default=True
    ),
]
RunFolder = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        metavar="DIR",
        help="Where the run's files go. (default: runs/TIME-NAME)",
        show_default=False,
    ),
]
Events = Annotated[
    bool, typer.Option("--json", help="Print every event as one line of JSON, for scripts.")
]
