"""Which loops run over epochs, and which over batches."""

from __future__ import annotations

import ast

from nbfed.analyse.vocabulary import Vocabulary

LOOPS = (ast.For, ast.AsyncFor, ast.While)
Loop = ast.For | ast.AsyncFor | ast.While


def epoch_trainers(vocabulary: Vocabulary) -> frozenset[str]:
    """Functions and methods of the notebook that go backward in a loop: an epoch each call."""
    functions = {**vocabulary.methods, **vocabulary.functions}
    backward: set[str] = set()
    looping: set[str] = set()
    while True:
        known = (len(backward), len(looping))
        for name, function in functions.items():
            if _goes_backward(function) or called_in(function) & backward:
                backward.add(name)
                loops = [part for part in ast.walk(function) if isinstance(part, LOOPS)]
                if called_in(function) & looping or any(
                    _goes_backward(loop) or called_in(loop) & backward for loop in loops
                ):
                    looping.add(name)
        if (len(backward), len(looping)) == known:
            return frozenset(looping)


def is_over_epochs(loop: Loop, trainers: frozenset[str] = frozenset()) -> bool:
    """Whether the loop over batches lies inside this one, rather than being it.

    Where something goes backward, the loop right around that is the one over batches. Else only
    a loop over numbers can be the outer one: what runs over data sees single patients.
    ``trainers`` are the functions that hold the loop over batches.
    """
    inner = [
        part
        for child in loop.body
        for part in ast.walk(child)
        if isinstance(part, LOOPS) and not _is_over_parameters(part)
    ]
    if _goes_backward(loop):
        return any(_goes_backward(part) for part in inner)
    outer = isinstance(loop, ast.While) or _is_over_numbers(loop.iter)
    return outer and (bool(inner) or bool(called_in(loop) & trainers))


def called_in(node: ast.AST) -> set[str]:
    """Names of the functions and methods that are called anywhere in ``node``."""
    found: set[str] = set()
    for part in ast.walk(node):
        match part:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                found.add(name)
    return found


def _is_over_numbers(iterable: ast.expr) -> bool:
    return any(isinstance(p, ast.Name) and p.id in ("range", "trange") for p in ast.walk(iterable))


def _goes_backward(node: ast.AST) -> bool:
    return any(isinstance(p, ast.Attribute) and p.attr == "backward" for p in ast.walk(node))


def _is_over_parameters(loop: Loop) -> bool:
    return not isinstance(loop, ast.While) and any(
        isinstance(part, ast.Attribute) and part.attr in ("parameters", "named_parameters")
        for part in ast.walk(loop.iter)
    )
