"""What build, check, simulate and run-server share: compile, and show what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from nbfed.compilation import Compiled
    from nbfed.diagnostics import Diagnostic
    from nbfed.emit import Build
    from nbfed.program import Program


def compiled_or_exit(
    notebook: Path, federation: Path | None, *, complete: bool, notes: bool
) -> tuple[Program, Compiled]:
    """The notebook's program; findings go to stderr, and errors among them end the command.

    ``notes`` shows informational findings too. Raises typer.Exit and FederationError.
    """
    from nbfed.compilation import compile_sources, require_federation
    from nbfed.diagnostics import Severity, has_errors
    from nbfed.sources import read_sources

    compiled = compile_sources(read_sources(notebook, federation))
    shown = [
        found
        for found in compiled.diagnostics
        if notes or found.severity is not Severity.INFO or has_errors(compiled.diagnostics)
    ]
    if shown:
        typer.echo(rendered(compiled, shown), nl=False, err=True)
    require_federation(compiled, complete=complete)
    if compiled.program is None:
        raise typer.Exit(1)
    return compiled.program, compiled


def rendered(compiled: Compiled, diagnostics: Sequence[Diagnostic], form: str = "text") -> str:
    """The findings as text, JSON or GitHub workflow commands."""
    from nbfed import reporters

    render = {
        "text": reporters.render_text,
        "json": reporters.render_json,
        "github": reporters.render_github,
    }[form]
    return render(diagnostics, compiled.notebook)


def built(
    notebook: Path, federation: Path | None, out: Path, *, force: bool, complete: bool
) -> tuple[Build, Program, Compiled]:
    """Compile and write, as a step before a run."""
    from nbfed.compilation import write_build

    program, compiled = compiled_or_exit(notebook, federation, complete=complete, notes=False)
    return write_build(program, compiled, out, force=force), program, compiled
