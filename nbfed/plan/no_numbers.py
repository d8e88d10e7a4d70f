"""What is surely no number, and so no metric, by the text that makes it."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement

_TABLES = re.compile(
    r"sklearn\.metrics\.(confusion_matrix|classification_report|\w+_curve)|pandas\.DataFrame"
)


def kind_of_no_number(facts: Facts, own: Sequence[Statement], name: str) -> str:
    """What the last assignment of a name makes, as "a list"; "" where it may be a number."""
    for item in reversed(own):
        for node in reversed(item.nodes):
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    return _kind(facts, value)
        if name in item.names.bound:
            return ""
    return ""


def _kind(facts: Facts, value: ast.expr) -> str:
    match value:
        case ast.List() | ast.ListComp() | ast.Tuple():
            return "a list"
        case ast.Set() | ast.SetComp() | ast.GeneratorExp():
            return "a collection"
        case ast.Constant(value=str()) | ast.JoinedStr():
            return "a text"
        case ast.Constant(value=None):
            return "`None`"
        case ast.Lambda():
            return "a function"
        case ast.Call(func=func) if _TABLES.fullmatch(facts.vocabulary.dotted(func) or ""):
            return "a table"
        case _:
            return ""
