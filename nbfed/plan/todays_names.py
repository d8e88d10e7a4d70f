"""Names that libraries had when a notebook was written, and have no longer."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement, edited
from nbfed.analyse.vocabulary import Vocabulary
from nbfed.diagnostics import Diagnostic
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.notes import note
from nbfed.plan.settings import Settings

# Removed by NumPy 1.24 and 2.0; `{}` is the name of the module as the notebook imports it.
_NUMPY: Mapping[str, str] = {
    "Inf": "{}.inf",
    "Infinity": "{}.inf",
    "infty": "{}.inf",
    "NaN": "{}.nan",
    "float_": "{}.float64",
    "float": "float",
    "int": "int",
    "bool": "bool",
    "object": "object",
    "complex": "complex",
    "product": "{}.prod",
    "cumproduct": "{}.cumprod",
    "sometrue": "{}.any",
    "alltrue": "{}.all",
    "in1d": "{}.isin",
}


@dataclass(frozen=True)
class _Change:
    """Text to write over a node."""

    node: ast.expr
    text: str


def todays_names(facts: Facts, settings: Settings) -> Completed:
    """Write names that NumPy and PyTorch have removed as they are called today."""
    iterators = _iterators(facts)
    statements = list(facts.statements)
    problems: list[Diagnostic] = []
    for item in facts.statements:
        changes = [] if item.text else [*_changes(facts.vocabulary, item, iterators)]
        if not changes:
            continue
        statements[item.order] = _written_over(facts, item, changes)
        if item.role is not None:
            old = ast.unparse(changes[0].node)
            message = f"`{old}` no longer exists; it is compiled as `{changes[0].text}`"
            problems.append(note(facts, "NBF324", item, message, node=changes[0].node))
    if statements == list(facts.statements):
        return unchanged(facts)
    return Completed(tuple(statements), tuple(problems))


def _iterators(facts: Facts) -> frozenset[str]:
    """Names that hold `iter(loader)`."""
    return frozenset(
        name
        for item in facts.statements
        for node in item.nodes
        for part in ast.walk(node)
        for name in _made_by_iter(part)
    )


def _made_by_iter(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="iter"))):
            yield name


def _changes(
    vocabulary: Vocabulary, item: Statement, iterators: frozenset[str]
) -> Iterator[_Change]:
    for node in item.nodes:
        for part in ast.walk(node):
            match part:
                case ast.Attribute(value=ast.Name(id=module), attr=attr) if attr in _NUMPY:
                    if vocabulary.aliases.get(module) == "numpy":
                        yield _Change(part, _NUMPY[attr].format(module))
                case ast.Call(
                    func=ast.Attribute(value=value, attr="next"), args=[], keywords=[]
                ) if _is_iterator(value, iterators):
                    yield _Change(part, f"next({ast.unparse(value)})")


def _is_iterator(node: ast.expr, iterators: frozenset[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in iterators
        case ast.Call(func=ast.Name(id="iter")):
            return True
        case _:
            return False


def _written_over(facts: Facts, item: Statement, changes: list[_Change]) -> Statement:
    """The statement with the changes that stand on one line each, from right to left."""
    lines = facts.notebook.cell(item.cell).source.split("\n")
    edits: dict[int, str] = {}
    for change in sorted(changes, key=lambda each: -each.node.col_offset):
        node = change.node
        if node.end_lineno != node.lineno or node.end_col_offset is None:
            continue
        text = edits.get(node.lineno, item.edits.get(node.lineno, lines[node.lineno - 1]))
        raw = text.encode()  # positions count bytes
        start, end = raw[: node.col_offset], raw[node.end_col_offset :]
        edits[node.lineno] = (start + change.text.encode() + end).decode()
    return edited(item, edits, facts.notebook) if edits else item
