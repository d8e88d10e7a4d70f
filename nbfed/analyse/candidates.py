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
        if not any(isinstance(part, _LOOPS) for child in node.body for part in ast.walk(child)):
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


# Names that say how far training is, not how well it goes.
_COUNTER = re.compile(
    r"(global_?|total_?|num_?|n_?|best_?|current_?)?(steps?|epochs?|iters?|iterations?|batch(es)?|"
    r"idx|index|count(er)?|i|j|k|seed|since|start\w*|end\w*|\w*time\w*|elapsed\w*|patience|wait|lr)"
    r"(_best|_idx|_num)?",
    re.I,
)


def telling(usable: Mapping[str, Found]) -> list[str]:
    """Those that say most: neither counts nor mere sums, while there are others."""
    for sums_too in (False, True):
        names = [
            name
            for name, entry in usable.items()
            if not entry.counted
            and not _COUNTER.fullmatch(name)
            and not (entry.literal and len(entry.values) == 1)
            and (entry.settled or not entry.accumulated or (sums_too and not entry.steps))
        ]
        if names:
            return names
    return []
