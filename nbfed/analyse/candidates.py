"""Which of the names that a piece of code binds could be metrics."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.epochs import LOOPS, Loop, is_over_epochs
from nbfed.analyse.numbers import Found


def outside_batches(
    body: Sequence[ast.stmt], trainers: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Names that ``body`` assigns outside its innermost loops, loop targets left out.

    What is bound inside a loop over batches describes single patients; it is never a metric.
    ``trainers`` are the functions that hold such a loop; see ``epoch_trainers``.
    """
    names: set[str] = set()
    for node in body:
        _collect(node, names, trainers)
    return frozenset(name for name in names if not name.startswith("_"))


def _collect(node: ast.stmt, names: set[str], trainers: frozenset[str]) -> None:
    if isinstance(node, LOOPS):
        if not is_over_epochs(node, trainers):
            return
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        names |= _stored(node)
        return
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            _collect(child, names, trainers)
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            for inner in child.body:
                _collect(inner, names, trainers)


def reset_names(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that a loop sets back to a constant once it has worked on them: nothing is left."""
    found: set[str] = set()
    for loop in own_nodes(list(body)):
        if isinstance(loop, LOOPS):
            found |= _reset_in(loop)
    return frozenset(found)


def _reset_in(loop: Loop) -> set[str]:
    worked: set[str] = set()
    reset: set[str] = set()
    for node in own_nodes(loop.body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant()):
                reset |= {name} & worked
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                stored = _stored(node)
                worked |= stored
                reset -= stored
    return reset


def _stored(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {
        part.id
        for target in targets
        for part in ast.walk(target)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }


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
