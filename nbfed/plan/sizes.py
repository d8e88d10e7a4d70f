"""Sizes that a model has from the data: the number of classes, of features, of words.

The server makes the first weights and has no data, so federation.yaml gives such a number. Where
it is no name's value in the notebook, but an expression such as ``table.shape[1]``, it gets a name
made from its text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind, kind_of_call
from nbfed.analyse.statements import Statement, edited, source_lines, written
from nbfed.analyse.text import column_of
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.settings import Settings
from nbfed.roles import Role

# What a number is taken from data with: `len(x)`, `max(x)`, `numpy.unique(x)`.
_MEASURES = frozenset({Kind.NUMBER, Kind.CONTAINER, Kind.PURE, Kind.TENSOR, Kind.TEXT})
_LONGEST_NAME = 40


def size_wanted(facts: Facts, reader: Statement, node: ast.AST, name: str) -> tuple[str, str]:
    """The parameter that would settle what ``reader`` reads at ``node``, and the text it is for.

    The name that the reader gives to the value, if it does nothing else; else the expression
    around the node that measures it.
    """
    if bound := names_it(facts, reader):
        return bound, bound
    expression = _measure_around(facts, reader, node)
    if expression is None:
        return name, name
    text = ast.unparse(expression)
    return name_of_size(text), text


def names_it(facts: Facts, reader: Statement) -> str:
    """The name that a statement gives to a value that is no module, if it does nothing else."""
    match reader.nodes:
        case (ast.Assign(targets=[ast.Name(id=bound)]),):
            return "" if facts.fact(reader).kinds.get(bound) is Kind.MODULE else bound
    return ""


def name_of_size(text: str) -> str:
    """A name made from an expression: ``table_shape_1`` for ``table.shape[1]``."""
    name = re.sub(r"\W+", "_", text).strip("_")[:_LONGEST_NAME].rstrip("_")
    return name if name.isidentifier() else f"size_{name}"


def named_sizes(facts: Facts, settings: Settings) -> Completed:
    """Put the names that federation.yaml gives in place of the expressions that they are for."""
    if not settings.given:
        return unchanged(facts)
    statements: list[Statement] = []
    for item in facts.statements:
        found = list(_given_sizes(facts, settings, item)) if may_size(facts, item) else []
        for name, node in found:
            statements.append(written(f"{name} = {ast.unparse(node)}", item, Role.PARAMS))
        statements.append(replaced(facts, item, found) if found else item)
    if len(statements) == len(facts.statements):
        return unchanged(facts)
    return Completed(tuple(statements))


def may_size(facts: Facts, item: Statement) -> bool:
    """Whether the statement makes a model, or says how one is made."""
    if item.text or item.role in (Role.PARAMS, Role.SITE, Role.SKIP) or item.is_import:
        return False
    makes = Kind.MODULE in facts.fact(item).kinds.values()
    return makes or item.role is Role.MODEL or item.is_definition


def _given_sizes(
    facts: Facts, settings: Settings, item: Statement
) -> Iterator[tuple[str, ast.expr]]:
    known = {parameter.name for parameter in settings.params}
    parents = parents_of(item)
    for part in parents:
        if isinstance(part, ast.Name) and part.id in facts.touching:
            node = climbed(facts, part, parents)
            if isinstance(node, ast.Name) or node.lineno != node.end_lineno:
                continue
            name = name_of_size(ast.unparse(node))
            if name in settings.given and name not in known and name not in facts.touching:
                yield name, node


def replaced(facts: Facts, item: Statement, found: list[tuple[str, ast.expr]]) -> Statement:
    """``item`` with the names in place of the expressions."""
    lines = source_lines(facts.notebook, item)
    edits = {node.lineno: item.edits.get(node.lineno, lines[node.lineno - 1]) for _, node in found}
    for name, node in sorted(found, key=lambda pair: -pair[1].col_offset):
        text = edits[node.lineno]
        first = column_of(text, node.col_offset) - 1
        last = column_of(text, node.end_col_offset or 0) - 1
        edits[node.lineno] = text[:first] + name + text[last:]
    return edited(item, edits, facts.notebook)


def _measure_around(facts: Facts, reader: Statement, node: ast.AST) -> ast.expr | None:
    if not isinstance(node, ast.Name):
        return None
    found = climbed(facts, node, parents_of(reader))
    return None if isinstance(found, ast.Name) else found


def climbed(facts: Facts, node: ast.expr, parents: dict[ast.AST, ast.AST]) -> ast.expr:
    """The largest expression around ``node`` that only measures it."""
    while True:
        match parents.get(node):
            case ast.Attribute() as above:
                pass
            case ast.Subscript(value=value) as above if value is node:
                pass
            case ast.Call(func=func) as above if func is node or _measures(facts, func):
                pass
            case ast.BinOp() as above if _with_a_constant(above):
                pass
            case _:
                return node
        node = above


def _measures(facts: Facts, func: ast.expr) -> bool:
    dotted = facts.vocabulary.dotted(func) or ""
    known = dotted in facts.vocabulary.functions or dotted in facts.vocabulary.classes
    return not known and bool(dotted) and kind_of_call(dotted) in _MEASURES


def _with_a_constant(node: ast.BinOp) -> bool:
    return isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant)


def parents_of(item: Statement) -> dict[ast.AST, ast.AST]:
    """Each node of the statement with the one around it."""
    return {
        child: node
        for root in item.nodes
        for node in ast.walk(root)
        for child in ast.iter_child_nodes(node)
    }
