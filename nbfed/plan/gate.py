"""The last gate: each generated module compiles, and every name in it is defined."""

from __future__ import annotations

import re
import symtable
import warnings
from collections.abc import Iterator

from nbfed.analyse.facts import Facts
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
            compile(text, facts.notebook.file, "exec", dont_inherit=True)
            table = symtable.symtable(text, facts.notebook.file, "exec")
    except SyntaxError as error:
        return [_unwritable(facts, stage, error)]
    defined = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }
    defined |= {name for inner in _tables(table) for name in _assigned_globals(inner)}
    undefined = {
        symbol.get_name()
        for inner in _tables(table)
        for symbol in inner.get_symbols()
        if symbol.is_global() and symbol.is_referenced()
    }
    undefined |= {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    missing = sorted(undefined - defined - BUILTINS - known - {"Any"})
    return [_undefined(facts, stage, name) for name in missing]


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


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _tables(child)


def _assigned_globals(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_declared_global() and symbol.is_assigned():
            yield symbol.get_name()


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
