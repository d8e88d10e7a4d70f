"""Render the modules that hold a notebook's code: params, model, data, train, evaluate."""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass

from nbfed.emit.imports import LINE_LENGTH, merged_imports
from nbfed.emit.source import MappedLines, SourceBlocks, cells_of, is_definition
from nbfed.emit.templates import render
from nbfed.program import Argument, Fragment, Origin, Parameter, Program, SiteKey, Stage
from nbfed.roles import Role

# What the template around the notebook's code itself needs, merged with the author's imports.
_OWN_IMPORTS = {
    Role.DATA: ("from typing import Any, NamedTuple",),
    Role.MODEL: ("import torch",),
    Role.TRAIN: ("from typing import Any", "import torch"),
    Role.EVALUATE: ("from typing import Any",),
    Role.STRATEGY: ("from typing import Any",),
}


@dataclass(frozen=True)
class Module:
    """A generated module: its text, and which of its lines are the notebook's."""

    text: str
    mapped: tuple[MappedLines, ...] = ()


def stage_module(
    program: Program, stage: Stage, template: str, *, data_class: str = "SiteData"
) -> Module:
    """The module of one stage, rendered from ``template``; data come in a ``data_class``."""
    blocks = SourceBlocks(program.notebook)
    own = list(_OWN_IMPORTS[stage.role])
    if any(argument.origin is Origin.MODEL for argument in stage.arguments):
        own.append("import torch")
    if any(_mentions_any(_annotation(argument)) for argument in stage.arguments):
        own.append("from typing import Any")
    context = {
        "program": program,
        "stage": stage,
        "cells": _cell_list(cells_of((*stage.module, *stage.body))),
        "imports": merged_imports((*own, *(fragment.text for fragment in stage.imports))),
        "module": _gap(stage.module) + blocks.block(stage.module) if stage.module else "",
        "signature": _signature(stage, data_class),
        "body": blocks.block(_as_written(stage.body), indent=4) if stage.body else "",
        "metrics": stage.mapping or _mapping(stage.results),
        "modules": _modules(program.model),
        "site_data": _keyword_call(data_class, stage.results),
        "generated": generated_note(program),
    }
    text, mapped = blocks.finish(render(template, context))
    return Module(text, mapped)


def params_module(program: Program, template: str) -> Module:
    """The dataclass of the program's parameters."""
    fields = _under_cells(program, [(each.cell, _field(each)) for each in program.params])
    imports = ["from dataclasses import dataclass"]
    if any("field(" in line for line in fields):
        imports = ["from dataclasses import dataclass, field"]
    if any(_mentions_any(parameter.annotation) for parameter in program.params):
        imports.append("from typing import Any")
    return _dataclass_module(program, template, fields, imports)


def site_module(program: Program, template: str) -> Module:
    """The dataclass of what differs per hospital. It holds no value."""
    return keys_module(program, program.site, template)


def keys_module(program: Program, keys: tuple[SiteKey, ...], template: str) -> Module:
    """A dataclass of site cells' names. It holds no value."""
    lines = [(key.cell, f"{key.name}: {key.annotation}{_comment(key.comment)}") for key in keys]
    fields = _under_cells(program, lines)
    imports = ["from dataclasses import dataclass"]
    if any(_mentions_any(key.annotation) for key in keys):
        imports.append("from typing import Any")
    return _dataclass_module(program, template, fields, imports)


def _under_cells(program: Program, lines: list[tuple[int, str]]) -> list[str]:
    """The lines, each run of one cell under the comment that names it."""
    return [
        part
        for cell, run in itertools.groupby(lines, key=lambda line: line[0])
        for part in (f"# %% {program.notebook}:cell {cell}", *(text for _, text in run))
    ]


def _dataclass_module(
    program: Program, template: str, fields: list[str], imports: list[str]
) -> Module:
    context = {
        "program": program,
        "generated": generated_note(program),
        "fields": fields,
        "imports": merged_imports(imports),
    }
    return Module(render(template, context))


def _signature(stage: Stage, data_class: str) -> str:
    """``def entry(*, a: int) -> R:``, on one line where it fits."""
    arguments = [f"{argument.name}: {_annotation(argument)}" for argument in stage.arguments]
    returns = {
        Role.DATA: data_class,
        Role.MODEL: "torch.nn.Module",
        Role.TRAIN: "tuple[torch.nn.Module, dict[str, Any]]",
        Role.EVALUATE: "dict[str, Any]",
        Role.STRATEGY: "Any",
    }[stage.role]
    listed = f"*, {', '.join(arguments)}" if arguments else ""
    line = f"def {stage.entry}({listed}) -> {returns}:"
    if len(line) <= LINE_LENGTH:
        return line
    rows = "".join(f"    {argument},\n" for argument in ("*", *arguments))
    return f"def {stage.entry}(\n{rows}) -> {returns}:"


def _annotation(argument: Argument) -> str:
    return "torch.nn.Module" if argument.origin is Origin.MODEL else argument.annotation


def _gap(fragments: tuple[Fragment, ...]) -> str:
    """The empty lines between imports and what follows, as import sorters want them."""
    code = (line for line in fragments[0].text.split("\n") if line and not line.startswith("#"))
    return "\n\n" if is_definition(next(code, "")) else "\n"


def generated_note(program: Program) -> str:
    """The line by which linters and people know generated code."""
    return f"Code generated by nbfed from {program.notebook}. DO NOT EDIT."


def _keyword_call(function: str, names: tuple[str, ...]) -> str:
    """``function(a=a, b=b)``, on one line where it fits."""
    line = f"{function}({', '.join(f'{name}={name}' for name in names)})"
    if len(line) <= LINE_LENGTH - len("    return "):
        return line
    return f"{function}(\n" + "".join(f"        {name}={name},\n" for name in names) + "    )"


def _modules(model: Stage) -> str:
    """The expression that gives the model back: one module, or several by name."""
    if len(model.results) == 1:
        return model.results[0]
    listed = ", ".join(f'"{name}": {name}' for name in model.results)
    return f"torch.nn.ModuleDict({{{listed}}})"


def _mapping(names: tuple[str, ...]) -> str:
    if not names:
        return "{}"
    line = "{" + ", ".join(f'"{name}": {name}' for name in names) + "}"
    if len(line) <= LINE_LENGTH - len("    return ") - len("model, "):
        return line
    return "{\n" + "".join(f'        "{name}": {name},\n' for name in names) + "    }"


def _as_written(fragments: tuple[Fragment, ...]) -> tuple[Fragment, ...]:
    return tuple(fragment for fragment in fragments if fragment.text.strip())


def _field(parameter: Parameter) -> str:
    default = parameter.default
    if isinstance(ast.parse(default, mode="eval").body, (ast.List, ast.Dict, ast.Set)):
        default = f"field(default_factory=lambda: {default})"
    return f"{parameter.name}: {parameter.annotation} = {default}{_comment(parameter.comment)}"


def _comment(comment: str) -> str:
    text = comment.strip().lstrip("#").strip()
    return f"  # {text}" if text else ""


def _mentions_any(annotation: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == "Any"
        for node in ast.walk(ast.parse(annotation, mode="eval"))
    )


def _cell_list(cells: tuple[int, ...]) -> str:
    if not cells:
        return "no cell"
    numbers = ", ".join(str(cell) for cell in cells)
    return f"cell {numbers}" if len(cells) == 1 else f"cells {numbers}"
