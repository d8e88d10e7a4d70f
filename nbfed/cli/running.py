"""What simulate and run-server share: refuse to run without sites, show how a run ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nbfed.errors import FederationFailed, NbfedError
from nbfed.runs import EVENTS

if TYPE_CHECKING:
    from nbfed.compilation import Compiled
    from nbfed.emit import Build
    from nbfed.program import Program


def require_sites(compiled: Compiled, program: Program) -> None:
    """Refuse a federation.yaml without sites, with the lines to write; raises NbfedError."""
    sources = compiled.sources
    if sources.federation.sites:
        return
    file = sources.federation_file or sources.notebook.parent / "federation.yaml"
    keys = ", ".join(f"{key.name}: ..." for key in program.site)
    raise NbfedError(
        f"{file} names no sites" if sources.federation_file else f"there is no {file}",
        hint=f"write the sites into it:\nsites:\n  hospital-a: {{params: {{{keys}}}}}\n"
        f"  hospital-b: {{params: {{{keys}}}}}",
    )


def finish(run: Path, build: Build, *, as_json: bool) -> None:
    """Write the run's report, and say where the run's files are."""
    from nbfed.report import write_report
    from nbfed.report.program import keep_program

    try:
        keep_program(build, run)
        report = write_report(run)
    except OSError as error:
        # A full disk, say: what the run has to say is in its events.
        typer.echo(f"the report cannot be written: {error}", err=True)
        return
    if not as_json:
        typer.echo(f"report: {report}")
        typer.echo(f"everything else of the run: {run}/")


@contextmanager
def reported(run: Path, build: Build, *, as_json: bool) -> Iterator[None]:
    """Write a report of a run that fails, too: it tells how far it came, and why it ended."""
    try:
        yield
    except FederationFailed:
        if (run / EVENTS).is_file():
            finish(run, build, as_json=as_json)
        raise
