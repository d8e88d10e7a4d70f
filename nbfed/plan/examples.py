"""Which data result counts a site's examples."""

from __future__ import annotations

import ast

from nbfed.analyse.notebook_facts import Facts
from nbfed.plan.slice import Slice
from nbfed.roles import Role

_WRAPPERS = frozenset(
    {"enumerate", "tqdm", "zip", "iter", "tqdm_notebook", "trange", "len", "range"}
)


def examples_of(facts: Facts, role: Role, found: Slice) -> str:
    """The data argument of the stage whose length weighs a site.

    ``examples=`` settles it; else it is what the innermost loop around ``.backward()``, or any
    loop in an evaluation, runs over; else the first data argument that a loop runs over.
    """
    for statement in facts.of_role(role):
        if "examples" in statement.options:
            return statement.options["examples"]
    names = set(found.data)
    for loop in _loops(found, with_backward=role is Role.TRAIN):
        for name in _iterated(loop):
            if name in names:
                return name
    return next(iter(found.data), "")


def _loops(found: Slice, *, with_backward: bool) -> list[ast.For]:
    loops: list[tuple[bool, int, ast.For]] = []
    for place, statement in enumerate(found.ordered):
        for node in statement.nodes:
            for part in ast.walk(node):
                if isinstance(part, ast.For):
                    trains = with_backward and _calls(part, "backward")
                    loops.append((not trains, place, part))
    # Stable: among the loops that train, the innermost comes last in ast.walk's order.
    loops.sort(key=lambda item: (item[0], -item[1] if not item[0] else item[1]))
    trained = [loop for quiet, _, loop in loops if not quiet]
    return [*reversed(trained), *(loop for quiet, _, loop in loops if quiet)]


def _calls(node: ast.AST, method: str) -> bool:
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr == method
        for part in ast.walk(node)
    )


def _iterated(loop: ast.For) -> list[str]:
    return [part.id for part in ast.walk(loop.iter) if isinstance(part, ast.Name)]
