"""Names for what a function returns."""

from __future__ import annotations

import ast
import re

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.vocabulary import FunctionDef


def returned_names(function: FunctionDef) -> tuple[str, ...]:
    """Names for what ``function`` returns, one an element of a tuple, () for nothing."""
    values = [
        node.value
        for node in own_nodes(function.body)
        if isinstance(node, ast.Return)
        and node.value is not None
        and not (isinstance(node.value, ast.Constant) and node.value.value is None)
    ]
    if not values:
        return ()
    last = values[-1]
    parts = last.elts if isinstance(last, ast.Tuple) else [last]
    names: list[str] = []
    for place, part in enumerate(parts):
        name = _name_for(part) or f"{function.name}_{place + 1}"
        names.append(name if name not in names else f"{name}_{place + 1}")
    return tuple(names)


def _name_for(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        # `loss.data`, `loss.cpu().item()`: what it is of has the name.
        case (
            ast.Attribute(value=value, attr="data")
            | ast.Call(
                func=ast.Attribute(value=value, attr="item" | "cpu" | "detach" | "numpy"), args=[]
            )
        ):
            return _name_for(value)
        case ast.Attribute(attr=name):
            return name
        case ast.Dict():
            return "metrics"
        case ast.Starred(value=value):
            return _name_for(value)
    words = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    for word in sorted(words):
        if re.search(r"train|test|val", word, re.I) and isinstance(node, ast.Call):
            kind = re.search(r"train|test|val", word, re.I)
            return f"{kind.group(0).lower()}_loader" if kind else ""
    for pattern, name in (("correct|acc", "accuracy"), ("loss", "loss")):
        if any(re.search(pattern, word, re.I) for word in words):
            return name
    return ""
