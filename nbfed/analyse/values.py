"""What kind of value an expression of the notebook gives, as far as its text tells."""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbfed.analyse.bodies import last_returned, module_parameters, own_nodes
from nbfed.analyse.kinds import Kind, kind_of_call
from nbfed.analyse.scopes import parameters
from nbfed.analyse.vocabulary import FunctionDef, Vocabulary

_LOSS_NAME = re.compile(
    r"(.*_)?(criterion|criteria|loss|losses|loss_?fn|loss_?func(tion)?)(_.*|\d*)", re.I
)
_DEVICE_NAME = re.compile(r"(.*_)?(device|dev)", re.I)
_VAGUE = frozenset({Kind.UNKNOWN, Kind.PURE, Kind.TEXT})
# Methods that give the object that they are called on, or one of its kind.
_SAME_KIND = frozenset(
    {
        *("to", "cuda", "cpu", "double", "half", "float", "train", "eval", "requires_grad_"),
        *("bfloat16", "apply", "from_pretrained", "copy", "clone", "detach"),
    }
)
_COPIES = frozenset({"copy.copy", "copy.deepcopy"})
_NUMBER_METHODS = frozenset({"item", "numel", "size", "dim", "count", "nelement"})
_TENSOR_METHODS = frozenset({"mean", "sum", "max", "min", "float", "aggregate", "compute"})


@dataclass
class Values:
    """Judges expressions against one notebook's vocabulary."""

    vocabulary: Vocabulary
    _returned: dict[str, tuple[Kind, ...]] = field(default_factory=dict)

    def kind(self, node: ast.AST, env: Mapping[str, Kind]) -> Kind:
        """The kind of ``node``, given those of names."""
        match node:
            case ast.Constant(value=bool() | int() | float()):
                return Kind.NUMBER
            case ast.Constant(value=str()) | ast.JoinedStr():
                return Kind.TEXT
            case ast.Constant():
                return Kind.PURE
            case ast.Name(id=name):
                return env.get(name, self._defined(name))
            case ast.Call():
                return self._call(node, env)
            case ast.BinOp():
                return self._operation(node, env)
            case ast.UnaryOp():
                return self.kind(node.operand, env)
            case ast.Compare():
                return Kind.NUMBER
            case ast.IfExp():
                kinds = [self.kind(node.body, env), self.kind(node.orelse, env)]
                known = [kind for kind in kinds if kind not in (Kind.UNKNOWN, Kind.PURE)]
                return known[0] if known else kinds[0]
            case ast.List() | ast.Dict() | ast.Set() | ast.Tuple():
                return Kind.CONTAINER
            case ast.ListComp() | ast.DictComp() | ast.SetComp() | ast.GeneratorExp():
                return Kind.CONTAINER
            case ast.NamedExpr() | ast.Await() | ast.Starred():
                return self.kind(node.value, env)
            case ast.Attribute(attr="shape"):
                return Kind.CONTAINER
            case _:
                return Kind.UNKNOWN

    def _defined(self, name: str) -> Kind:
        known = name in self.vocabulary.functions or name in self.vocabulary.classes
        return Kind.DEFINITION if known else Kind.UNKNOWN

    def _operation(self, node: ast.BinOp, env: Mapping[str, Kind]) -> Kind:
        kinds = {self.kind(node.left, env), self.kind(node.right, env)}
        for kind in (Kind.TEXT, Kind.CONTAINER, Kind.TENSOR):
            if kind in kinds:
                return kind
        return Kind.NUMBER if Kind.NUMBER in kinds else Kind.UNKNOWN

    def _call(self, call: ast.Call, env: Mapping[str, Kind]) -> Kind:
        func = call.func
        if isinstance(func, ast.Name) and func.id in self.vocabulary.classes:
            return self._class(func.id)
        if isinstance(func, ast.Name) and func.id in self.vocabulary.functions:
            returned = self.returned(func.id)
            if len(returned) != 1:
                return Kind.CONTAINER if returned else Kind.PURE
            if returned[0] is Kind.UNKNOWN:
                return self._passed_through(self.vocabulary.functions[func.id], call, env)
            return returned[0]
        dotted = self.vocabulary.dotted(func)
        if dotted in _COPIES and call.args:
            return self.kind(call.args[0], env)
        if dotted is not None and dotted in self.vocabulary.classes:
            return self._class(dotted)
        if isinstance(func, ast.Attribute):
            base = self.vocabulary.dotted(func.value)
            if base is None or not self._imported(func):
                return self._method(func, call, env)
        return kind_of_call(dotted) if dotted else Kind.UNKNOWN

    def _passed_through(
        self, function: FunctionDef, call: ast.Call, env: Mapping[str, Kind]
    ) -> Kind:
        """What `to_device(net, device)` makes, where the function gives its argument back."""
        value = last_returned(function)
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            if value.func.attr not in _SAME_KIND:
                return Kind.UNKNOWN
            value = value.func.value
        if not isinstance(value, ast.Name):
            return Kind.UNKNOWN
        for name, argument in zip(parameters(function.args), call.args, strict=False):
            if name == value.id:
                return self.kind(argument, env)
        return Kind.UNKNOWN

    def _class(self, name: str) -> Kind:
        if self.vocabulary.loss_class(name):
            return Kind.LOSS
        if self.vocabulary.module_class(name):
            return Kind.MODULE
        if self.vocabulary.dataset_class(name):
            return Kind.DATASET
        return Kind.UNKNOWN

    def _method(self, func: ast.Attribute, call: ast.Call, env: Mapping[str, Kind]) -> Kind:
        owner = self.kind(func.value, env)
        if func.attr in _NUMBER_METHODS:
            return Kind.NUMBER
        if func.attr in _SAME_KIND and owner is not Kind.UNKNOWN:
            return owner
        if func.attr in _TENSOR_METHODS:
            return Kind.TENSOR
        if func.attr in ("state_dict", "split", "tolist", "keys", "values", "items"):
            return Kind.CONTAINER
        return Kind.UNKNOWN

    def _imported(self, node: ast.AST) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and self.vocabulary.is_imported(node.id)

    def returned(self, function: str) -> tuple[Kind, ...]:
        """Kinds of what the notebook's function returns, one an element of a tuple."""
        if function not in self._returned:
            self._returned[function] = ()  # while a recursive function is looked at
            self._returned[function] = self._returned_by(self.vocabulary.functions[function])
        return self._returned[function]

    def _returned_by(self, function: FunctionDef) -> tuple[Kind, ...]:
        value = last_returned(function)
        if value is None:
            return ()
        env = dict.fromkeys(module_parameters(function), Kind.MODULE)
        env = {**env, **self._bound_in(function.body, env)}
        if isinstance(value, ast.Tuple):
            return tuple(self.kind(element, env) for element in value.elts)
        return (self.kind(value, env),)

    def local_kinds(
        self, body: list[ast.stmt], env: Mapping[str, Kind] | None = None
    ) -> dict[str, Kind]:
        """Kinds of the names that ``body`` assigns, read from top to bottom."""
        return self._bound_in(body, env or {})

    def kinds_bound_in(self, node: ast.stmt, env: Mapping[str, Kind]) -> dict[str, Kind]:
        """Kinds of the names that a statement binds, its blocks included."""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return {node.name: Kind.DEFINITION}
        return self._bound_in([node], env)

    def _bound_in(self, body: list[ast.stmt], env: Mapping[str, Kind]) -> dict[str, Kind]:
        kinds: dict[str, Kind] = {}
        known = (
            ChainMap(kinds, dict(env)) if not isinstance(env, ChainMap) else env.new_child(kinds)
        )
        for node in own_nodes(body):
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                kinds.update(self.bound_kinds(node, known))
        return kinds

    def bound_kinds(self, node: ast.stmt, env: Mapping[str, Kind]) -> dict[str, Kind]:
        """Kinds of the names that an assignment binds."""
        match node:
            case ast.Assign():
                pairs = [(target, node.value) for target in node.targets]
            case ast.AnnAssign(value=ast.expr() as value):
                pairs = [(node.target, value)]
            case ast.AugAssign():
                pairs = [(node.target, ast.BinOp(node.target, node.op, node.value))]
            case _:
                return {}
        kinds: dict[str, Kind] = {}
        for target, value in pairs:
            kinds.update(self._target_kinds(target, value, env))
        return kinds

    def _target_kinds(
        self, target: ast.expr, value: ast.expr, env: Mapping[str, Kind]
    ) -> dict[str, Kind]:
        if isinstance(target, ast.Name):
            kind = self.kind(value, env)
            if kind is Kind.MODULE and _LOSS_NAME.fullmatch(target.id):
                kind = Kind.LOSS
            elif kind in _VAGUE and _DEVICE_NAME.fullmatch(target.id):
                kind = Kind.DEVICE
            return {target.id: kind}
        if not isinstance(target, (ast.Tuple, ast.List)):
            return {}
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
            kinds: dict[str, Kind] = {}
            for inner, part in zip(target.elts, value.elts, strict=True):
                kinds.update(self._target_kinds(inner, part, env))
            return kinds
        returned = self._tuple_of(value, len(target.elts))
        return {
            element.id: kind
            for element, kind in zip(target.elts, returned, strict=True)
            if isinstance(element, ast.Name)
        }

    def _tuple_of(self, value: ast.expr, count: int) -> tuple[Kind, ...]:
        match value:
            case ast.Call(func=ast.Name(id=name)) if name in self.vocabulary.functions:
                returned = self.returned(name)
                if len(returned) == count:
                    return returned
        # `random_split` gives several of what it makes.
        kind = self.kind(value, {}) if isinstance(value, ast.Call) else Kind.UNKNOWN
        return (kind if kind is Kind.DATASET else Kind.UNKNOWN,) * count
