"""What a call of the notebook's own functions and methods changes: its arguments, or its object."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.changes import root_name
from nbfed.analyse.names import names_of
from nbfed.analyse.scopes import all_parameters
from nbfed.analyse.statements import Statement
from nbfed.analyse.vocabulary import FunctionDef, Vocabulary


def with_effects(statements: Sequence[Statement], vocabulary: Vocabulary) -> tuple[Statement, ...]:
    """Statements whose ``changes`` tell also of ``freeze(model)`` and ``config.set_width(4)``.

    Only calls whose result is thrown away count: others are made for what they return. What
    trains is no change, or every training would be a part of making the model.
    """
    effects = _Effects(vocabulary)
    return tuple(
        item if item.is_definition or item.is_import else effects.told_of(item)
        for item in statements
    )


@dataclass
class _Effects:
    vocabulary: Vocabulary
    _known: dict[int, frozenset[str]] = field(default_factory=dict)

    def told_of(self, item: Statement) -> Statement:
        changed = {name for node in item.nodes for name in self._changed_in(node)}
        new = frozenset(changed) - item.names.changes - item.names.bound
        if not new:
            return item
        return replace(item, names=replace(item.names, changes=item.names.changes | new))

    def _changed_in(self, node: ast.AST) -> Iterator[str]:
        for part in own_nodes([node] if isinstance(node, ast.stmt) else []):
            if isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
                yield from self._changed_by(part.value)

    def _changed_by(self, call: ast.Call) -> Iterator[str]:
        match call.func:
            case ast.Name(id=name) if name in self.vocabulary.functions:
                function = self.vocabulary.functions[name]
                changed = self._parameters_changed(function)
                names = [each.arg for each in all_parameters(function.args)]
                given = [
                    *zip(names, call.args, strict=False),
                    *((each.arg, each.value) for each in call.keywords),
                ]
                for parameter, value in given:
                    root = root_name(value)
                    if parameter in changed and root is not None:
                        yield root
            case ast.Attribute(value=value, attr=name):
                root = root_name(value)
                if (
                    root is not None
                    and not self.vocabulary.is_imported(root)
                    and any(self._changes_itself(method) for method in self._methods(name))
                ):
                    yield root

    def _methods(self, name: str) -> Iterator[FunctionDef]:
        for node in self.vocabulary.classes.values():
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == name:
                    yield part

    def _changes_itself(self, method: FunctionDef) -> bool:
        first = next((each.arg for each in all_parameters(method.args)), None)
        return first in self._parameters_changed(method)

    def _parameters_changed(self, function: FunctionDef) -> frozenset[str]:
        """Parameters whose objects are other ones after a call."""
        known = self._known.get(id(function))
        if known is not None:
            return known
        self._known[id(function)] = frozenset()  # for functions that call themselves
        changed = frozenset[str]()
        if not _trains(function):
            names = {each.arg for each in all_parameters(function.args)}
            inner = {name for node in function.body for name in self._changed_in(node)}
            changed = frozenset((names_of(function.body).changes | inner) & names)
        self._known[id(function)] = changed
        return changed


def _trains(function: FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("backward", "step")
        for node in ast.walk(function)
    )
