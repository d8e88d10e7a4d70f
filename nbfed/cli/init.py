"""``nbfed init``: propose the roles of a notebook's cells, and write them as tags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from nbfed.cli.compiling import rendered
from nbfed.cli.options import FederationFile, Notebook

if TYPE_CHECKING:
    from nbfed.diagnostics import Diagnostic
    from nbfed.suggest.beginning import Beginning, Unreadable
    from nbfed.suggest.marking import Mark

_CODE = 36
_WIDE = 100
EXAMPLE = "Example: nbfed init heart.ipynb --write"


def command(
    notebook: Notebook,
    federation: FederationFile = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write the tags, and a federation.yaml if there is none."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Propose roles for the cells of a notebook, each with its reason.

    None of the notebook's code is run. Without --write nothing is changed. With it, cells whose
    role is not in doubt get a tag (`nbfed:train`); everything else in the file stays as it is,
    to the byte. A federation.yaml that exists is never changed.
    """
    from nbfed.suggest.beginning import Unreadable, begin, write_beginning

    beginning = begin(notebook, federation)
    if isinstance(beginning, Unreadable):
        _refuse(beginning, as_json=as_json)
    tagged, drafted = write_beginning(beginning) if write else (False, False)
    if as_json:
        typer.echo(_as_json(beginning, tagged=tagged, drafted=drafted))
        return
    _show_marks(beginning)
    if write:
        _tell_written(beginning, tagged=tagged, drafted=drafted)
    _show_left(beginning, written=write)


def _refuse(unreadable: Unreadable, *, as_json: bool) -> NoReturn:
    from nbfed.reporters import render_json, render_text

    render = render_json if as_json else render_text
    typer.echo(render(unreadable.problems), nl=False, err=not as_json)
    raise typer.Exit(1)


def _show_marks(beginning: Beginning) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbfed.roles import Role
    from nbfed.suggest.marking import marked_already
    from nbfed.suggest.proposal import Confidence

    console = Console()
    if already := marked_already(beginning.notebook):
        listed = ", ".join(f"{region.role} (cell {region.cell})" for region in already)
        console.print(Text(f"marked already: {listed}"))
    if not beginning.marks:
        console.print(Text("nothing to propose: no unmarked code shows what its role could be"))
        return
    # In a narrow terminal the reasons need the room.
    code = console.width >= _WIDE
    table = Table()
    for heading in ("cell", "line"):
        table.add_column(heading, justify="right", min_width=len(heading))
    table.add_column("role", min_width=max(map(len, Role)))
    table.add_column("how sure", min_width=max(map(len, Confidence)))
    table.add_column("why")
    if code:
        table.add_column("the code there", no_wrap=True, overflow="ellipsis", max_width=_CODE)
    for mark in beginning.marks:
        row = (str(mark.cell), str(mark.line), str(mark.role), str(mark.confidence), mark.reason)
        shown = (*row, mark.code) if code else row
        table.add_row(*map(Text, shown), style=None if mark.as_tag else "yellow")
    console.print(table)


def _tell_written(beginning: Beginning, *, tagged: bool, drafted: bool) -> None:
    from nbfed.federation.draft import EXAMPLE_SITES
    from nbfed.suggest.marking import tags_of

    notebook, file = beginning.sources.notebook, beginning.federation_file
    count = len(tags_of(beginning.marks))
    tags = f"{count} tag{'' if count == 1 else 's'}"
    typer.echo(f"wrote {tags} into {notebook}" if tagged else f"{notebook} is as it was")
    if drafted:
        typer.echo(f"wrote {file}; {' and '.join(EXAMPLE_SITES)} in it are examples")
    else:
        typer.echo(f"{file} exists and is as it was")


def _show_left(beginning: Beginning, *, written: bool) -> None:
    by_hand = [mark for mark in beginning.marks if not mark.as_tag]
    if by_hand:
        typer.echo("\nfor you to decide:")
        for mark in by_hand:
            typer.echo(f"  {_advice(mark, beginning.marks)}")
    compiled, name = beginning.compiled, beginning.sources.notebook
    left, misfits = _left(beginning), _misfits(beginning)
    if left or misfits:
        typer.echo("\nleft to do:" if written else "\nwith these tags there would be left to do:")
    else:
        typer.echo("\nthe notebook compiles" if written else "\nwith these tags it compiles")
    if left:
        typer.echo(rendered(compiled, left), nl=False)
    for sentence, hint in misfits:
        typer.echo(f"{sentence}\n  = hint: {hint}" if hint else sentence)
    if not written:
        typer.echo(f"to write the tags: nbfed init {name} --write")
    elif compiled.program is None:
        typer.echo(f"then see what else: nbfed check {name}")
    else:
        typer.echo(f"give each site its values in {beginning.federation_file}")
        typer.echo(f"then: nbfed simulate {name}")


def _advice(mark: Mark, marks: tuple[Mark, ...]) -> str:
    from nbfed.suggest.proposal import Confidence

    doubt = "uncertain: " if mark.confidence is Confidence.UNCERTAIN else ""
    advice = f"cell {mark.cell} line {mark.line}: {doubt}`# nbfed: {mark.role}` above it?"
    # A tag and a comment at the head of one cell must not disagree.
    for other in marks:
        if other.as_tag and other.cell == mark.cell:
            advice += f" Then `# nbfed: {other.role}` above line {other.line} instead of the tag."
    return advice


def _left(beginning: Beginning) -> list[Diagnostic]:
    from nbfed.diagnostics import Severity

    found = beginning.compiled.diagnostics
    return [each for each in found if each.severity is not Severity.INFO]


def _misfits(beginning: Beginning) -> tuple[tuple[str, str], ...]:
    """Where a federation.yaml that exists does not fit the notebook."""
    from nbfed.compilation import require_federation
    from nbfed.federation.schema import FederationError

    try:
        require_federation(beginning.compiled)
    except FederationError as error:
        return error.findings()
    return ()


def _as_json(beginning: Beginning, *, tagged: bool, drafted: bool) -> str:
    diagnostics: list[Any] = json.loads(
        rendered(beginning.compiled, beginning.compiled.diagnostics, "json")
    )
    return json.dumps(
        {
            "notebook": str(beginning.sources.notebook),
            "federation": str(beginning.federation_file),
            "wrote_tags": tagged,
            "wrote_federation": drafted,
            "proposals": [
                {
                    "cell": mark.cell,
                    "line": mark.line,
                    "role": mark.role,
                    "confidence": mark.confidence,
                    "reason": mark.reason,
                    "as_tag": mark.as_tag,
                    "code": mark.code,
                }
                for mark in beginning.marks
            ],
            "compiles": beginning.compiled.program is not None,
            "diagnostics": diagnostics,
            "federation_problems": [sentence for sentence, _ in _misfits(beginning)],
        },
        indent=2,
    )
