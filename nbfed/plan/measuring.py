"""Make an evaluation give its numbers, where the notebook only prints them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.names import names_of
from nbfed.analyse.numbers import Numbers, Surety, outside_batches, telling
from nbfed.analyse.statements import Statement, edited, written
from nbfed.analyse.values import own_nodes
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.functions import Call, best_evaluation, calls_of, returned_names
from nbfed.plan.metrics import entries_of, metrics_of
from nbfed.plan.settings import Settings
from nbfed.roles import Role

_RATIO_NAMES = (
    (re.compile(r"correct|acc|hit|right|match", re.I), "accuracy"),
    (re.compile(r"loss", re.I), "loss"),
    (re.compile(r"dice", re.I), "dice"),
    (re.compile(r"iou", re.I), "iou"),
    (re.compile(r"err", re.I), "error"),
)
# Methods of libraries that return several metrics under known names.
_NAMED_TUPLES = {"medmnist.Evaluator": ("auc", "acc")}


@dataclass(frozen=True)
class Measured:
    """Lines to put at the end of a body, and the names that then hold its numbers."""

    lines: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def measured(facts: Facts, body: Sequence[ast.stmt], kinds: dict[str, Kind]) -> Measured:
    """The numbers that ``body`` computes or only prints."""
    numbers = Numbers(facts.vocabulary, kinds)
    found = numbers.judged(body)
    likely = names_of(body).likely
    unpacked = _named_tuples(facts, body)
    usable = {
        name: entry
        for name, entry in found.items()
        if name in outside_batches(body) & likely and entry.surety >= Surety.LIKELY
    }
    names = [name for name in telling(usable) if name not in unpacked]
    ratios = {
        name: text
        for name, text in printed_ratios(body)
        if name not in found and not any(name in taken for taken in names)
    }
    if ratios:
        names = [name for name in names if not found[name].accumulated or found[name].settled]
    lines = [f"{', '.join(parts)} = {name}" for name, parts in unpacked.items()]
    lines.extend(f"{name} = {text}" for name, text in ratios.items())
    parts = [part for names_of_tuple in unpacked.values() for part in names_of_tuple]
    return Measured(tuple(lines), tuple(dict.fromkeys([*names, *parts, *ratios])))


def _named_tuples(facts: Facts, body: Sequence[ast.stmt]) -> dict[str, tuple[str, ...]]:
    """Names that hold what a library is known to return as several metrics."""
    makers: dict[str, tuple[str, ...]] = {}
    found: dict[str, tuple[str, ...]] = {}
    for node in own_nodes(list(body)):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func)):
                dotted = facts.vocabulary.dotted(func) or ""
                if dotted in _NAMED_TUPLES:
                    makers[name] = _NAMED_TUPLES[dotted]
                owner = dotted.rpartition(".")[0]
                if owner in makers and dotted.endswith(".evaluate"):
                    found[name] = makers[owner]
    return found


def printed_ratios(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Name and text of the ratios that are computed only to be printed, outside the batches."""
    seen: set[str] = set()
    for node in _printed(body):
        for value in _shown(node):
            if not _is_ratio(value):
                continue
            words = [part.id for part in ast.walk(value) if isinstance(part, ast.Name)]
            for pattern, name in _RATIO_NAMES:
                if name not in seen and any(pattern.search(word) for word in words):
                    seen.add(name)
                    yield name, ast.unparse(value)
                    break


def _printed(body: Sequence[ast.stmt]) -> Iterator[ast.Call]:
    for node in body:
        match node:
            case ast.Expr(value=ast.Call(func=ast.Name(id="print")) as call):
                yield call
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="info")) as call):
                yield call
            case ast.With() | ast.AsyncWith():
                yield from _printed(node.body)


def _shown(call: ast.Call) -> Iterator[ast.expr]:
    """The values that a print call shows: arguments, and what is put into texts."""
    todo: list[ast.expr] = list(call.args)
    while todo:
        node = todo.pop(0)
        match node:
            case ast.JoinedStr():
                todo.extend(p.value for p in node.values if isinstance(p, ast.FormattedValue))
            case ast.BinOp(left=ast.Constant(value=str()), op=ast.Mod(), right=right):
                todo.extend(right.elts if isinstance(right, ast.Tuple) else [right])
            case ast.BinOp(left=ast.Constant(value=str()) | ast.JoinedStr(), right=right):
                todo.append(right)
            case ast.Call(func=ast.Attribute(attr="format")):
                todo.extend(node.args)
            case ast.Call(func=ast.Name(id="str" | "round"), args=[value, *_]):
                todo.append(value)
            case _:
                yield node


def _is_ratio(node: ast.expr) -> bool:
    match node:
        case ast.BinOp(op=ast.Div() | ast.FloorDiv()):
            return True
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            return _is_ratio(left) or _is_ratio(right)
        case ast.Call(func=ast.Attribute(value=value, attr="item")):
            return _is_ratio(value)
        case ast.Call(func=ast.Name(id="float"), args=[value]):
            return _is_ratio(value)
        case _:
            return False


def returning(
    facts: Facts, statement: Statement, function: FunctionDef
) -> tuple[Statement, tuple[str, ...]] | None:
    """The function's statement with its numbers returned, and their names, if it has any.

    Only for a function that returns nothing: whoever calls it cannot notice the difference.
    """
    first = function.body[0]
    if first.lineno == function.lineno or any(
        isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom))
        for node in own_nodes(function.body)
    ):
        return None
    found = measured(facts, function.body, {})
    if not found.names:
        return None
    last = function.end_lineno or function.lineno
    lines = facts.notebook.cell(statement.cell).source.split("\n")
    indent = lines[first.lineno - 1][: first.col_offset] if first.col_offset else "    "
    if statement.indent:
        return None
    added = [*found.lines, f"return {', '.join(found.names)}  # nbfed: what it prints"]
    text = "\n".join([lines[last - 1], *(f"{indent}{line}" for line in added)])
    return edited(statement, {last: text}, facts.notebook), found.names


def evaluation_results(facts: Facts, settings: Settings) -> Completed:
    """Bind what the evaluate regions compute only to print, or compute in a bare call."""
    own = facts.of_role(Role.EVALUATE)
    if not own or any("metrics" in item.options for item in own):
        return unchanged(facts)
    current = metrics_of(facts, Role.EVALUATE)
    if current.mapping:
        return unchanged(facts)
    body = [node for item in own if not item.is_definition for node in item.nodes]
    bound = {name for item in own for name in item.names.bound}
    found = measured(facts, body, {})
    lines = [line for line in found.lines if line.partition(" = ")[0] not in bound]
    lines.extend(_taken_out(facts, own, bound) if not current.names else ())
    if lines:
        new = [written(line, own[-1], Role.EVALUATE) for line in lines]
        at = own[-1].order + 1
        return Completed((*facts.statements[:at], *new, *facts.statements[at:]))
    if current.names:
        return unchanged(facts)
    return _bound_call(facts, own)


def _taken_out(facts: Facts, own: Sequence[Statement], bound: set[str]) -> Iterator[str]:
    """The numbers of a dictionary that holds other things besides."""
    for item in reversed(own):
        for node in item.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    entries = entries_of(facts, value)
                    for key, surety in entries.items():
                        if surety and key.isidentifier() and key not in bound:
                            yield f"{key} = {name}[{key!r}]"
                    if entries:
                        return


def _bound_call(facts: Facts, own: Sequence[Statement]) -> Completed:
    """Bind the result of a call that stands alone, or inside a print."""
    calls: list[tuple[Call, FunctionDef]] = []
    for name in {name for item in own for name in item.names.reads}:
        function = facts.vocabulary.functions.get(name)
        if function is not None:
            calls.extend(
                (call, function)
                for call in calls_of(facts, name, (Role.EVALUATE,))
                if isinstance(call.statement.node, ast.Expr)
            )
    if not calls:
        return unchanged(facts)
    chosen = best_evaluation([call for call, _ in calls])
    function = next(function for call, function in calls if call is chosen)
    statements = list(facts.statements)
    names = returned_names(function)
    if not names:
        definition = _definition(facts, function, chosen.statement.order)
        changed = returning(facts, definition, function) if definition else None
        if changed is None or definition is None:
            return unchanged(facts)
        statements[definition.order], names = changed
    text = f"{', '.join(names)} = {ast.unparse(chosen.call)}"
    statements[chosen.statement.order] = written(text, chosen.statement, Role.EVALUATE)
    return Completed(tuple(statements))


def _definition(facts: Facts, function: FunctionDef, before: int) -> Statement | None:
    found = facts.before(function.name, before)
    return found if found is not None and function in found.nodes else None
