"""Which statements change a module through another name: a loop over its layers, a part of it.

``for p in list(net.parameters())[:-2]: p.requires_grad = False`` changes ``net``, as do
``head = net.fc`` and then ``nn.init.zeros_(head.weight)``. A model made without such a statement
would be another one, and nobody would notice.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.changes import changed_by
from nbfed.analyse.kinds import Kind
from nbfed.analyse.scopes import all_parameters
from nbfed.analyse.statements import Statement
from nbfed.analyse.vocabulary import FunctionDef, Vocabulary
from nbfed.roles import Role

Roots = frozenset[str]
_NONE: Roots = frozenset()
# What they do to a model is their own business, as is what training does once it has begun.
_ELSEWHERE = (Role.EVALUATE, Role.SKIP)
# Calls that give parts of what they get, and not copies.
_PARTS_OF_ARGUMENTS = frozenset(
    {*("list", "tuple", "dict", "set", "iter", "next", "reversed", "sorted", "filter"), "getattr"}
    | {"enumerate", "zip", "itertools.chain", "itertools.islice", "zip_longest"}
)
_PARTS = re.compile(
    r"(named_)?(parameters|children|modules|buffers)|state_dict|items|values|get_submodule|"
    r"get_parameter|get|chain|from_iterable|islice"
)
# Functions of torch that work on the module or the parameters that they are given.
_IN_PLACE = re.compile(
    r"torch\.nn\.utils\.(weight_norm|spectral_norm|remove_\w+|vector_to_parameters|"
    r"(parametrizations|parametrize|prune)\.\w+)"
)


def with_module_changes(
    statements: Sequence[Statement], kinds: Sequence[Mapping[str, Kind]], vocabulary: Vocabulary
) -> tuple[Statement, ...]:
    """Statements whose ``changes`` tell also of the modules that they change by other names.

    ``kinds`` holds the kinds of the names that each statement binds or changes.
    """
    functions = _Functions(vocabulary)
    views: dict[str, Roots] = {}
    found: list[Statement] = []
    begun = False
    for item, known in zip(statements, kinds, strict=True):
        scan = _Scan(functions, dict(views))
        changed = _NONE
        if not (item.is_definition or item.is_import):
            scan.bind(item.nodes)
            begun = begun or functions.train(item.nodes)
            if item.role not in _ELSEWHERE and not (begun and item.role is Role.TRAIN):
                changed = scan.changed(item.nodes)
        for name in item.names.bound:
            own = frozenset({name}) if known.get(name) is Kind.MODULE else _NONE
            views[name] = scan.views.get(name, _NONE) - {name} | own
        found.append(_told(item, changed))
    return tuple(found)


def _told(item: Statement, changed: Roots) -> Statement:
    new = changed - item.names.changes - item.names.bound
    return (
        replace(item, names=replace(item.names, changes=item.names.changes | new)) if new else item
    )


@dataclass
class _Functions:
    """What the notebook's functions do to the modules that they are given."""

    vocabulary: Vocabulary
    _known: dict[int, Roots] = field(default_factory=dict)

    def changed_parameters(self, function: FunctionDef) -> Roots:
        """Parameters that a call changes; what trains is no change."""
        if id(function) not in self._known:
            self._known[id(function)] = _NONE  # for functions that call themselves
            names = [each.arg for each in all_parameters(function.args)]
            scan = _Scan(self, {name: frozenset({name}) for name in names})
            scan.bind(function.body)
            changed = _NONE if self.train(function.body) else scan.changed(function.body)
            self._known[id(function)] = changed
        return self._known[id(function)]

    def train(self, body: Sequence[ast.stmt]) -> bool:
        """Whether running this goes backward, itself or through the notebook's functions."""
        return self._train(body, set())

    def _train(self, body: Sequence[ast.stmt], seen: set[str]) -> bool:
        for node in own_nodes(list(body)):
            match node:
                case ast.Attribute(attr="backward" | "step" | "fit" | "manual_backward"):
                    return True
                case ast.Call(func=ast.Name(id=name)) if name not in seen:
                    seen.add(name)
                    function = self.vocabulary.functions.get(name)
                    if function is not None and self._train(function.body, seen):
                        return True
        return False

    def methods(self, name: str) -> Iterator[FunctionDef]:
        for node in self.vocabulary.classes.values():
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == name:
                    yield part


@dataclass
class _Scan:
    """One piece of code. ``views`` has, for each name, the modules that it is a part of."""

    functions: _Functions
    views: dict[str, Roots]
    _drawn: set[str] = field(default_factory=set)

    def bind(self, nodes: Sequence[ast.stmt]) -> None:
        """Note the names that the code gives to parts of a module."""
        for node in own_nodes(list(nodes)):
            match node:
                case (
                    ast.For(target=target, iter=value)
                    | ast.comprehension(target=target, iter=value)
                ):
                    self._name(target, self._parts(value), drawn=True)
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._name(target, self._parts(value))
                case ast.NamedExpr(target=target, value=value):
                    self._name(target, self._parts(value))

    def changed(self, nodes: Sequence[ast.stmt]) -> Roots:
        """The modules that the code changes."""
        found: set[str] = set()
        for node in own_nodes(list(nodes)):
            for name in changed_by(node):
                found |= self.views.get(name, _NONE)
            match node:
                case ast.AugAssign(target=ast.Name(id=name)) if name in self._drawn:
                    found |= self.views.get(name, _NONE)
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=name))):
                    if any(self._changes_itself(each) for each in self.functions.methods(name)):
                        found |= self._parts(owner)
            if isinstance(node, ast.Call):
                found |= self._changed_by_call(node)
        return frozenset(found)

    def _changed_by_call(self, call: ast.Call) -> Roots:
        vocabulary = self.functions.vocabulary
        dotted = vocabulary.dotted(call.func) or ""
        name = dotted.rpartition(".")[2]
        if dotted in vocabulary.functions:
            return self._changed_by_function(vocabulary.functions[dotted], call)
        if _IN_PLACE.fullmatch(dotted):
            return self._all(call.args)
        if name.endswith("_") and not name.startswith("_"):
            return self._all(call.args[:1])
        match call:
            case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id=each), value]):
                function = vocabulary.functions.get(each)
                changes = function is not None and self.functions.changed_parameters(function)
                return self._parts(value) if changes else _NONE
            case ast.Call(func=ast.Attribute(value=owner, attr="apply")):
                return self._parts(owner)
            case ast.Call(func=ast.Attribute(value=owner, attr=method)):
                in_place = method.startswith("register_") or method.endswith("_")
                return self._parts(owner) if in_place and method[0] != "_" else _NONE
        return _NONE

    def _changed_by_function(self, function: FunctionDef, call: ast.Call) -> Roots:
        changed = self.functions.changed_parameters(function)
        names = [each.arg for each in all_parameters(function.args)]
        given = [
            *zip(names, call.args, strict=False),
            *((each.arg, each.value) for each in call.keywords),
        ]
        return self._all(value for name, value in given if name in changed)

    def _changes_itself(self, method: FunctionDef) -> bool:
        first = next((each.arg for each in all_parameters(method.args)), None)
        return first in self.functions.changed_parameters(method)

    def _name(self, target: ast.expr, roots: Roots, *, drawn: bool = False) -> None:
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                self.views[part.id] = roots
                if drawn:
                    self._drawn.add(part.id)

    def _all(self, nodes: Iterable[ast.expr]) -> Roots:
        return _NONE.union(*map(self._parts, nodes))

    def _parts(self, node: ast.expr) -> Roots:
        """The modules that the value of an expression is, holds, or is a part of."""
        match node:
            case ast.Name(id=name):
                return self.views.get(name, _NONE)
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                return self._parts(value)
            case ast.Starred(value=value) | ast.NamedExpr(value=value):
                return self._parts(value)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                return self._all(elements)
            case ast.Dict(values=values):
                return self._all(values)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._parts(left) | self._parts(right)
            case ast.IfExp(body=body, orelse=otherwise):
                return self._parts(body) | self._parts(otherwise)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                drawn = self._all(each.iter for each in node.generators)
                return drawn | self._parts(element)
            case ast.Call(func=ast.Name(id=name), args=args) if name in _PARTS_OF_ARGUMENTS:
                return self._all(args)
            case ast.Call(func=ast.Attribute(value=owner, attr=method), args=args):
                return self._all([owner, *args]) if _PARTS.fullmatch(method) else _NONE
            case _:
                return _NONE
