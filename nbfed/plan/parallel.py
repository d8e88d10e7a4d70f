"""`DataParallel` where there are several GPUs: left out, since it renames the weights there."""

from __future__ import annotations

import ast

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.notes import note
from nbfed.plan.settings import Settings

_WRAPPERS = ("torch.nn.DataParallel", "torch.nn.parallel.DistributedDataParallel")


def without_parallel(facts: Facts, settings: Settings) -> Completed:
    """The statements without those that wrap a model if the machine has more than one GPU.

    Such a model's weights have other names than those of the server's, which has none.
    """
    kept: list[Statement] = []
    problems: list[Diagnostic] = []
    for item in facts.statements:
        if not _wraps_if_it_can(facts, item):
            kept.append(item)
            continue
        problems.append(
            note(
                facts,
                "NBF329",
                item,
                "this renames the model's weights where there are several GPUs; it is left out",
            )
        )
    return Completed(tuple(kept), tuple(problems)) if problems else unchanged(facts)


def _wraps_if_it_can(facts: Facts, item: Statement) -> bool:
    match item.nodes:
        case (ast.If(test=test, body=body, orelse=[]),):
            asks = any(
                isinstance(part, ast.Attribute) and part.attr in ("device_count", "is_available")
                for part in ast.walk(test)
            )
            return asks and _only_wraps(facts, body)
        case _:
            return False


def _only_wraps(facts: Facts, body: list[ast.stmt]) -> bool:
    wrapped = False
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name()], value=ast.Call(func=func)):
                if facts.vocabulary.dotted(func) not in _WRAPPERS:
                    return False
                wrapped = True
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
                pass
            case _:
                return False
    return wrapped
