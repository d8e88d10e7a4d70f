"""Which of the names that a piece of code binds could be metrics."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from nbfed.analyse.numbers import Found

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def outside_batches(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that ``body`` assigns outside its innermost loops, loop targets left out.

    What is bound inside a loop over batches describes single patients; it is never a metric.
    """
    names: set[str] = set()
    for node in body:
        _collect(node, names)
    return frozenset(name for name in names if not name.startswith("_"))


def _collect(node: ast.stmt, names: set[str]) -> None:
    if isinstance(node, _LOOPS):
        if not _is_over_epochs(node):
            return
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            names.update(
                part.id
                for part in ast.walk(target)
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            )
        return
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            _collect(child, names)
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            for inner in child.body:
                _collect(inner, names)


def _is_over_epochs(loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    """Whether the loop over batches lies inside this one, rather than being it.

    Where something goes backward, the loop right around that is the one over batches. Else only
    a loop over numbers can be the outer one: what runs over data sees single patients.
    """
    inner = [
        part
        for child in loop.body
        for part in ast.walk(child)
        if isinstance(part, _LOOPS) and not _is_over_parameters(part)
    ]
    if _goes_backward(loop):
        return any(_goes_backward(part) for part in inner)
    return bool(inner) and (isinstance(loop, ast.While) or _is_over_numbers(loop.iter))


def _is_over_numbers(iterable: ast.expr) -> bool:
    return any(isinstance(p, ast.Name) and p.id in ("range", "trange") for p in ast.walk(iterable))


def _goes_backward(node: ast.AST) -> bool:
    return any(isinstance(p, ast.Attribute) and p.attr == "backward" for p in ast.walk(node))


def _is_over_parameters(loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    return not isinstance(loop, ast.While) and any(
        isinstance(part, ast.Attribute) and part.attr in ("parameters", "named_parameters")
        for part in ast.walk(loop.iter)
    )


# Names that say how far training is, not how well it goes.
_COUNTER = re.compile(
    r"(global_?|total_?|num_?|n_?|best_?|current_?)?(steps?|epochs?|iters?|iterations?|batch(es)?|"
    r"idx|index|count(er)?|i|j|k|seed|since|start\w*|end\w*|\w*time\w*|elapsed\w*|patience|wait|lr)"
    r"(_best|_idx|_num)?",
    re.I,
)


def telling(usable: Mapping[str, Found], said: frozenset[str] = frozenset()) -> list[str]:
    """Those that say most: neither counts nor mere sums, while there are others.

    ``said`` are names that the author prints as metrics, sums or not.
    """
    for sums_too in (False, True):
        names = [
            name
            for name, entry in usable.items()
            if not entry.counted
            and not _COUNTER.fullmatch(name)
            and not (entry.literal and len(entry.values) == 1)
            and (
                name in said
                or entry.settled
                or not entry.accumulated
                or (sums_too and not entry.steps)
            )
        ]
        if names:
            return names
    return []
