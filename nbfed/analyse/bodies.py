"""Look into the bodies of functions."""

from __future__ import annotations

import ast
import re

from nbfed.analyse.scopes import parameters
from nbfed.analyse.vocabulary import FunctionDef


def last_returned(function: FunctionDef) -> ast.expr | None:
    """The value of the last ``return`` of ``function`` that has one."""
    found: ast.expr | None = None
    for node in own_nodes(function.body):
        if isinstance(node, ast.Return) and node.value is not None:
            found = node.value
    return found


def own_nodes(body: list[ast.stmt]) -> list[ast.AST]:
    """All nodes of ``body`` in source order, those of inner functions and classes left out."""
    found: list[ast.AST] = []
    todo: list[ast.AST] = list(reversed(body))
    while todo:
        node = todo.pop()
        found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(reversed(list(ast.iter_child_nodes(node))))
    return found


# What is done with a module and hardly with anything else.
_MODULE_METHODS = frozenset(
    {
        "parameters",
        "named_parameters",
        "train",
        "eval",
        "state_dict",
        "load_state_dict",
        "zero_grad",
    }
)
# Parameters that a function calls and that are no module.
_NO_MODULE = re.compile(r".*(crit|loss|metric|transform|fn|func|schedul|optim|callback).*", re.I)


def module_parameters(function: FunctionDef) -> tuple[str, ...]:
    """Parameters of ``function`` that it uses as torch modules, in order."""
    used: set[str] = set()
    called: set[str] = set()
    optimizers: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="step")):
                optimizers.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                if method in _MODULE_METHODS:
                    used.add(name)
            case ast.Call(func=ast.Name(id=name), args=[_, *_]) if not _NO_MODULE.match(name):
                called.add(name)
    names = [name for name in parameters(function.args) if name not in optimizers]
    return tuple(name for name in names if name in used) or tuple(
        name for name in names if name in called
    )
