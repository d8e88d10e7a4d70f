"""Make the reference pages from nbfed's own tables, so that they cannot lag behind the code."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel

from nbfed.catalogue import CATALOGUE, Entry
from nbfed.cli.app import app
from nbfed.federation import schema
from nbfed.read.headings import SECTIONS
from nbfed.read.options import OPTIONS
from nbfed.roles import Role
from nbfed.template_folder import loaded_module

BLOCKS = {
    "1": "Reading and marking",
    "2": "Names and slices",
    "3": "The shape of roles and values",
    "4": "Requirements and environment",
    "5": "Output",
}
BECOMES: Mapping[Role, tuple[str, str]] = {
    Role.PARAMS: ("assign literals", "parameters that the server sets and a site may override"),
    Role.SITE: ("assign what differs per hospital", "keys of each site's own file"),
    Role.DATA: (
        "make datasets and loaders",
        "`load_data(...)`, at the sites alone; with `server`, at the server",
    ),
    Role.MODEL: ("make the model", "`build_model(...)`, the same file in both packages"),
    Role.TRAIN: ("are one round's local training", "`train(...)`, every round"),
    Role.EVALUATE: ("compute metrics", "`evaluate(...)`, numbers by name"),
    Role.STRATEGY: ("make a Flower strategy", "the server's strategy"),
    Role.INCLUDE: ("are needed but not harmless by themselves", "copied where they are needed"),
    Role.SKIP: ("explore or plot", "nothing; an error if something needs them"),
}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages: Mapping[str, Callable[[], str]] = {
        "reference/language.md": language,
        "reference/federation.md": federation,
        "reference/commands.md": commands,
        "reference/diagnostics.md": diagnostics,
    }
    for path, page in pages.items():
        files.append(File.generated(config, path, content=page()))
    return files


def language() -> str:
    """The roles, their options and the section headings."""
    roles = "\n".join(f"| `{role}` | {BECOMES[role][0]} | {BECOMES[role][1]} |" for role in Role)
    options = "\n".join(
        f"| `{role}` | `{name}` | {kind.value} |"
        for role, known in OPTIONS.items()
        for name, kind in known.items()
    )
    headings = "\n".join(f"| {heading} | `{role}` |" for heading, role in SECTIONS.items())
    return f"""# The marking language

A region of code gets a role in one of three ways: a comment, `# nbfed: train`, with options behind
the role; a cell tag, `nbfed:train`; or, where a notebook has neither, a section heading of
Notebook Federator. A comment at the head of a cell covers the cell. At column 0 between two
statements it begins a region that goes on to the next comment or the cell's end. papermill's tag
`parameters` is `nbfed:params`.

## Roles

| role | its regions | becomes |
|---|---|---|
{roles}

Code without a role is not compiled by itself: what the roles use of it is found statement by
statement, as if the notebook ran once from top to bottom. Imports, functions, classes, constants
and expressions over them come without asking; any other call in unmarked code is an error that
names the statement and the roles that settle it.

## Options

| role | option | takes |
|---|---|---|
{options}

`# nbfed: requires scikit-image>=0.22` is no role: it adds a requirement, and may be repeated.

## Headings

| heading | role |
|---|---|
{headings}
"""


def federation() -> str:
    """The keys of federation.yaml and the strategies with their options."""
    parts = [
        "# federation.yaml\n\nThe file lies beside the notebook. A key that is not here is an "
        "error, with its line.\n",
        _table(schema.Federation),
    ]
    for name, model in inspect.getmembers(schema, _is_part):
        parts.append(f"\n## {name}\n\n{_doc(model)}\n\n{_table(model)}")
    parts.append("\n## Strategies\n\n| strategy | options |\n|---|---|")
    for name, known in sorted(
        loaded_module("server/package/strategy_options.py").STRATEGIES.items()
    ):
        parts.append(f"| `{name}` | {_options_of(known)} |")
    return "\n".join(parts) + "\n"


def commands() -> str:
    """What each command's help says."""
    parts = [
        "# Commands\n\nEvery command takes `--help`. `nbfed --debug COMMAND` shows the Python "
        "traceback of an error.\n"
    ]
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group)
    for name, command in group.commands.items():
        context = click.Context(command, info_name=f"nbfed {name}")
        usage = " ".join(command.collect_usage_pieces(context))
        parts.append(f"## {name}\n\n{inspect.cleandoc(command.help or '')}\n")
        parts.append(f"```text\nnbfed {name} {usage}\n```\n")
        rows = [
            f"| `{', '.join(option.opts)}` | {_cell(getattr(option, 'help', '') or '')} |"
            for option in command.params
            if isinstance(option, click.Option)
        ]
        if rows:
            parts.append("| option | |\n|---|---|\n" + "\n".join(rows) + "\n")
        if command.epilog:
            parts.append(f"{command.epilog}\n")
    return "\n".join(parts)


def diagnostics() -> str:
    """Every code with its explanation and its example."""
    parts = [
        "# Diagnostics\n\n`nbfed check` reports all of them in one run, with cell, line and a "
        "hint; `nbfed explain NBF201` prints what stands here. Errors stop a build; warnings and "
        "infos do not.\n"
    ]
    block = ""
    for entry in sorted(CATALOGUE.values(), key=lambda entry: entry.code):
        if entry.code[3] != block:
            block = entry.code[3]
            parts.append(f"## {BLOCKS[block]}\n")
        parts.extend(_entry(entry))
    return "\n".join(parts)


def _entry(entry: Entry) -> Iterator[str]:
    yield f"### {entry.code}: {entry.title}\n\n*{entry.severity}.* {entry.explanation}\n"
    if entry.before:
        yield f"Before:\n\n```text\n{entry.before}\n```\n\nAfter:\n\n```text\n{entry.after}\n```\n"


def _is_part(value: Any) -> bool:
    return (
        inspect.isclass(value)
        and issubclass(value, BaseModel)
        and value.__module__ == schema.__name__
        and value is not schema.Federation
        and not value.__name__.startswith("_")
    )


def _about(model: type[BaseModel]) -> dict[str, str]:
    """What the text below each key says. Not asked of pydantic, which reads it at every start."""
    (written,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(written, ast.ClassDef)
    about = {}
    for key, text in itertools.pairwise(written.body):
        match key, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as words)),
            ):
                about[name] = inspect.cleandoc(words)
    return about


def _table(model: type[BaseModel]) -> str:
    about = _about(model)
    rows = []
    for name, found in model.model_fields.items():
        default = (
            "required"
            if found.is_required()
            else _default(found.get_default(call_default_factory=True))
        )
        rows.append(f"| `{name}` | {default} | {_cell(about[name])} |")
    return "| key | default | |\n|---|---|---|\n" + "\n".join(rows)


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (str, int, float)) and value != "":
        return f"`{value}`"
    return "see below" if isinstance(value, BaseModel) else "none"


def _options_of(known: Any) -> str:
    return ", ".join(f"`{name}`" for name in getattr(known, "options", known)) or "none"


def _doc(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
