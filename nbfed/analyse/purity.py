"""Whether a statement does nothing but define: the part of a notebook that may be copied freely."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from nbfed.analyse.kinds import HARMLESS, PURE_METHODS, Kind, kind_of_call
from nbfed.analyse.scopes import FUNCTIONS, Bindings, parameters
from nbfed.analyse.statements import Statement
from nbfed.analyse.vocabulary import FunctionDef, Vocabulary

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SIMPLE = (
    *(ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal, ast.Break, ast.Continue),
    *(ast.Assert, ast.Raise, ast.Return, ast.Delete),
)


@dataclass
class Purity:
    """Judges statements against one notebook's vocabulary, and remembers its functions.

    Harmless are imports, definitions, constants, expressions over them, calls that the table
    of kinds knows to do nothing else, and calls of the notebook's own functions and classes
    whose bodies are harmless.
    """

    vocabulary: Vocabulary
    _judged: dict[str, bool] = field(default_factory=dict)

    def statement(self, statement: Statement) -> bool:
        """Whether running ``statement`` does nothing but bind its names."""
        return all(self._node(node) for node in statement.nodes)

    def first_effect(self, statement: Statement) -> ast.AST:
        """The first part of ``statement`` that is not harmless."""
        for node in statement.nodes:
            if not self._node(node):
                for part in ast.walk(node):
                    if isinstance(part, ast.Call) and not self.call(part):
                        return part
                return node
        return statement.node

    def _node(self, node: ast.stmt) -> bool:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return self._definition(node)
            case ast.If():
                return self.expression(node.test) and self._block([*node.body, *node.orelse])
            case ast.For():
                return self.expression(node.iter) and self._block([*node.body, *node.orelse])
            case ast.Match():
                bodies = [part for case in node.cases for part in case.body]
                return self.expression(node.subject) and self._block(bodies)
            case ast.Try():
                handlers = [part for handler in node.handlers for part in handler.body]
                return self._block([*node.body, *handlers, *node.orelse, *node.finalbody])
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Expr():
                return self.expression(node)
            case _ if isinstance(node, _SIMPLE):
                return self.expression(node)
            case _:
                return False

    def _block(self, nodes: Iterable[ast.stmt]) -> bool:
        return all(self._node(node) for node in nodes)

    def _definition(self, node: FunctionDef | ast.ClassDef) -> bool:
        """A definition runs its decorators, defaults and, for a class, its body."""
        if isinstance(node, ast.ClassDef):
            return self._block(
                part for part in node.body if not isinstance(part, (ast.Expr, *_DEFINITIONS))
            )
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return all(self.expression(part) for part in defaults)

    def expression(self, node: ast.AST) -> bool:
        """Whether every call that evaluating ``node`` makes is harmless."""
        todo: list[ast.AST] = [node]
        while todo:
            current = todo.pop()
            if isinstance(current, ast.Lambda):
                continue
            if isinstance(current, (ast.Await, ast.Yield, ast.YieldFrom)):
                return False
            if isinstance(current, ast.Call) and not self.call(current):
                return False
            todo.extend(ast.iter_child_nodes(current))
        return True

    def call(self, call: ast.Call) -> bool:
        """Whether making this one call is harmless; its arguments are not looked at."""
        func = call.func
        if isinstance(func, ast.Name):
            if func.id in self.vocabulary.functions or func.id in self.vocabulary.classes:
                return self._notebook_call(func.id)
            return kind_of_call(self.vocabulary.dotted(func) or "") in HARMLESS
        if isinstance(func, ast.Attribute):
            return self._attribute_call(func, call)
        return isinstance(func, ast.Lambda) or (isinstance(func, ast.Call) and self.call(func))

    def _attribute_call(self, func: ast.Attribute, call: ast.Call) -> bool:
        dotted = self.vocabulary.dotted(func)
        if dotted is not None:
            root = dotted.partition(".")[0]
            if self._imported(func):
                if dotted in self.vocabulary.classes:
                    return self.vocabulary.module_class(dotted)
                return kind_of_call(dotted) in HARMLESS
            if root in self.vocabulary.classes:
                return self._method(root, func.attr)
        if func.attr == "parse_args":
            return bool(call.args or call.keywords)
        return func.attr in PURE_METHODS

    def _imported(self, node: ast.AST) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and self.vocabulary.is_imported(node.id)

    def _notebook_call(self, name: str) -> bool:
        """Judge a function's body, or a class's constructor, once."""
        if name not in self._judged:
            self._judged[name] = True  # a recursive call adds nothing of its own
            self._judged[name] = (
                self._body(self.vocabulary.functions[name])
                if name in self.vocabulary.functions
                else self._constructor(self.vocabulary.classes[name])
            )
        return self._judged[name]

    def _constructor(self, node: ast.ClassDef) -> bool:
        if self.vocabulary.dataset_class(node.name):
            return False  # it may be large, or random: it is made once, where the data are
        for base in node.bases:
            name = self.vocabulary.dotted(base) or ""
            if name in self.vocabulary.classes and name != node.name:
                if not self._notebook_call(name):
                    return False
            elif kind_of_call(name) is Kind.EFFECT:
                return False
        makers = [
            part
            for part in node.body
            if isinstance(part, _DEFINITIONS[:2]) and part.name in ("__init__", "__post_init__")
        ]
        return all(self._body(part, node) for part in makers)

    def method(self, class_name: str, call: ast.Call) -> bool:
        """Whether a call of a method on an object of the notebook's class alters that alone."""
        return (
            class_name in self.vocabulary.classes
            and isinstance(call.func, ast.Attribute)
            and self._method(class_name, call.func.attr)
            and all(self.expression(part) for part in (*call.args, *call.keywords))
        )

    def _method(self, class_name: str, method: str) -> bool:
        for part in self.vocabulary.classes[class_name].body:
            if isinstance(part, _DEFINITIONS[:2]) and part.name == method:
                return self._body(part, self.vocabulary.classes[class_name])
        return method in PURE_METHODS

    def _body(self, function: FunctionDef, owner: ast.ClassDef | None = None) -> bool:
        own = {*parameters(function.args), *Bindings.of(*function.body).names}
        todo: list[ast.AST] = list(function.body)
        methods = {
            part.name: part
            for part in (owner.body if owner else [])
            if isinstance(part, _DEFINITIONS[:2])
        }
        seen = {function.name}
        while todo:
            node = todo.pop()
            if isinstance(node, (ast.Global, ast.With, ast.AsyncWith, ast.Await)):
                return False
            if isinstance(node, ast.Call):
                match node.func:
                    case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in methods:
                        if name not in seen:
                            seen.add(name)
                            todo.extend(methods[name].body)
                    case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
                        pass
                    case ast.Name(id=name) if name in own:
                        pass
                    case _:
                        if not self.call(node):
                            return False
            todo.extend(
                child for child in ast.iter_child_nodes(node) if not isinstance(child, FUNCTIONS)
            )
        return True
