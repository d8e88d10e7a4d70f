"""The last gate: each generated module compiles, and every name in it is defined."""

from __future__ import annotations

import ast
import re
import warnings

from nbfed.analyse.facts import Facts
from nbfed.analyse.names import names_of
from nbfed.analyse.scopes import Bindings, parameters
from nbfed.analyse.text import indented
from nbfed.diagnostics import Diagnostic, Location, diagnostic
from nbfed.plan.slice import BUILTINS
from nbfed.program import Fragment, Stage


def check(facts: Facts, stage: Stage, known: frozenset[str]) -> list[Diagnostic]:
    """What is wrong with a stage's module. ``known`` names have been reported already."""
    text = module_text(stage)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(tree, facts.notebook.file, "exec", dont_inherit=True)
    except SyntaxError as error:
        return [_unwritable(facts, stage, error)]
    return [_undefined(facts, stage, name) for name in sorted(_undefined_in(tree) - known)]


def _undefined_in(tree: ast.Module) -> set[str]:
    """Names that the module, or the stage's function in it, reads before anything binds them."""
    *rest, entry = tree.body
    assert isinstance(entry, ast.FunctionDef)
    module = names_of(rest)
    given = module.bound | BUILTINS | set(parameters(entry.args))
    inside = names_of(entry.body)
    local = Bindings.of(*entry.body)
    # Where the function assigns a name, the module's of the same name is out of its reach.
    hidden = local.names - local.declared_global - set(parameters(entry.args))
    made = module.bound | local.names
    return {
        *(name for name in module.reads if name not in BUILTINS),
        *(name for name in module.deferred if name not in made | BUILTINS),
        *(name for name in inside.reads if name not in given or name in hidden),
        *(name for name in inside.deferred if name not in given | local.names),
    }


def module_text(stage: Stage) -> str:
    """The stage as a Python module, as plain as can be."""
    listed = ", ".join(argument.name for argument in stage.arguments)
    lines = [part.text for part in (*stage.imports, *stage.module)]
    lines.append(f"def {stage.entry}({f'*, {listed}' if listed else ''}):")
    lines.extend(indented(part.text, 4) for part in stage.body if part.text.strip())
    if stage.call:
        lines.append(f"    {stage.call}")
    returned = ", ".join(filter(None, (*stage.results, stage.mapping)))
    lines.append(f"    return ({returned})" if returned else "    return None")
    return "\n".join(lines) + "\n"


def _undefined(facts: Facts, stage: Stage, name: str) -> Diagnostic:
    return diagnostic(
        "NBF201",
        _where(facts, stage, name),
        f"`{name}`, which `{stage.role}` uses, is not defined where it is needed",
        f"define `{name}` in the {stage.role} region, or in an unmarked cell before it",
    )


def _unwritable(facts: Facts, stage: Stage, error: SyntaxError) -> Diagnostic:
    message = error.msg or "invalid syntax"
    match = re.search(r"'(\w+)'", message)
    return diagnostic(
        "NBF210",
        _where(facts, stage, match.group(1) if match else ""),
        f"the {stage.role} code cannot stand in a function: {message}",
        "pass the value as an argument and return it, instead of sharing it as a global",
    )


def _where(facts: Facts, stage: Stage, name: str) -> Location:
    parts: tuple[Fragment, ...] = (*stage.body, *stage.module, *stage.imports)
    if name:
        word = re.compile(rf"\b{re.escape(name)}\b")
        for part in parts:
            for offset, line in enumerate(part.text.split("\n")):
                found = word.search(line.partition("#")[0])
                if found:
                    return Location(
                        facts.notebook.file, part.cell, part.line + offset, found.start() + 1
                    )
    first = parts[0] if parts else Fragment(0, 0, "")
    return Location(facts.notebook.file, first.cell, first.line, 1)
