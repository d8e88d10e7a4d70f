"""Walk statements in the order in which they run, and note what they read, bind and change."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nbfed.analyse.changes import changed_by, root_name
from nbfed.analyse.scopes import (
    Free,
    bound_here,
    class_free,
    comprehension_free,
    evaluated_at_definition,
    free_names,
    import_binding,
    walrus_targets,
)

Node = ast.AST


@dataclass
class State:
    """Names bound so far. Loops count as run once for ``bound``, as perhaps not for ``sure``."""

    bound: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    sure: set[str] = field(default_factory=set)
    left: bool = False

    def copy(self) -> State:
        """A state of its own, for a branch."""
        return State(set(self.bound), set(self.maybe), set(self.sure), self.left)


def _joined(states: Iterable[State], otherwise: State) -> State:
    """What holds after branches, those left out that end by leaving the block."""
    branches = list(states)
    staying = [state for state in branches if not state.left]
    maybe = set().union(*(state.bound | state.maybe for state in branches))
    if not staying:
        return State(otherwise.bound, otherwise.maybe | maybe, otherwise.sure, True)
    return State(
        set.intersection(*(state.bound for state in staying)),
        maybe,
        set.intersection(*(state.sure for state in staying)),
    )


class Flow:
    """Walks statements in order of execution."""

    def __init__(self) -> None:
        self.found = Free()
        self.soft: dict[str, Node] = {}
        self.deferred = Free()
        self.bound: set[str] = set()
        self.star_import = False
        self.awaits = False

    def block(self, nodes: Sequence[ast.stmt], state: State) -> State:
        """What holds after ``nodes``, run one after the other."""
        for node in nodes:
            state = self.statement(node, state)
        return state

    def statement(self, node: ast.stmt, state: State) -> State:
        """What holds after one statement."""
        match node:
            case ast.If():
                self.expression(node.test, state)
                branches = [
                    self.block(node.body, state.copy()),
                    self.block(node.orelse, state.copy()),
                ]
                return _joined(branches, state)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(node, state)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self.expression(item.context_expr, state)
                    if item.optional_vars:
                        self.target(item.optional_vars, state)
                return self.block(node.body, state)
            case ast.Try() | ast.TryStar():
                return self._try(node, state)
            case ast.Match():
                return self._match(node, state)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for part in evaluated_at_definition(node):
                    self.expression(part, state)
                self.deferred.add(free_names(node))
                self.bind(node.name, state)
            case ast.ClassDef():
                self._class(node, state)
            case _:
                self._simple(node, state)
        return state

    def _simple(self, node: ast.stmt, state: State) -> None:
        self.found.changes.update(self._visible(changed_by(node), state))
        match node:
            case ast.Assign():
                self.expression(node.value, state)
                for target in node.targets:
                    self.target(target, state)
            case ast.AugAssign():
                if isinstance(node.target, ast.Name):
                    self.load(node.target.id, node.target, state)
                self.expression(node.value, state)
                self.target(node.target, state)
            case ast.AnnAssign():
                self.expression(node.annotation, state)
                if node.value:
                    self.expression(node.value, state)
                    self.target(node.target, state)
            case ast.Import() | ast.ImportFrom():
                for name in map(import_binding, node.names):
                    if name == "*":
                        self.star_import = True
                    else:
                        self.bind(name, state)
            case ast.Delete():
                for target in node.targets:
                    self.target(target, state)
            case ast.Raise() | ast.Return() | ast.Break() | ast.Continue():
                self.expression(node, state)
                state.left = True
            case _:
                self.expression(node, state)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, state: State) -> State:
        sure = set(state.sure)
        if isinstance(node, ast.While):
            self.expression(node.test, state)
        else:
            self.expression(node.iter, state)
            self.target(node.target, state)
            self._changes_through_target(node, state)
        self.awaits |= isinstance(node, ast.AsyncFor)
        before = state.copy()
        after = self.block(node.body, state)
        if after.left:
            # `break` leaves the loop alone; what follows the loop still runs.
            after = State(before.bound, before.maybe | after.maybe | after.bound, before.sure)
        after = self.block(node.orelse, after)
        after.sure = sure
        return after

    def _changes_through_target(self, node: ast.For | ast.AsyncFor, state: State) -> None:
        """``for p in net.parameters(): p.requires_grad = False`` changes ``net``."""
        if not isinstance(node.iter, ast.Call) or not isinstance(node.iter.func, ast.Attribute):
            return
        root = root_name(node.iter)
        targets = {name.id for name in ast.walk(node.target) if isinstance(name, ast.Name)}
        changed = {name for part in node.body for n in ast.walk(part) for name in changed_by(n)}
        if root and changed & targets:
            self.found.changes.update(self._visible((root,), state))

    def _try(self, node: ast.Try | ast.TryStar, state: State) -> State:
        before = state.copy()
        body = self.block(node.body, state)
        during = body.bound | body.maybe
        body = self.block(node.orelse, body)
        ends = [body]
        for handler in node.handlers:
            start = before.copy()
            start.maybe |= during
            if handler.type:
                self.expression(handler.type, start)
            if handler.name:
                self.bind(handler.name, start)
            ends.append(self.block(handler.body, start))
        return self.block(node.finalbody, _joined(ends, before))

    def _match(self, node: ast.Match, state: State) -> State:
        self.expression(node.subject, state)
        ends = [state.copy()]
        for case in node.cases:
            inside = state.copy()
            for part in ast.walk(case.pattern):
                for name in bound_here(part):
                    self.bind(name, inside)
                if isinstance(part, ast.expr):
                    self.expression(part, inside)
            if case.guard:
                self.expression(case.guard, inside)
            ends.append(self.block(case.body, inside))
        return _joined(ends, state)

    def _class(self, node: ast.ClassDef, state: State) -> None:
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.deferred.add(free_names(statement))
        self._inner(class_free(_without_method_bodies(node)), state)
        self.bind(node.name, state)

    def target(self, node: ast.expr, state: State) -> None:
        """Bind an assignment's target; ``a.b`` and ``a[0]`` read and change ``a``."""
        match node:
            case ast.Name(ctx=ast.Del()):
                self.load(node.id, node, state)
                state.bound.discard(node.id)
            case ast.Name():
                self.bind(node.id, state)
            case ast.Tuple() | ast.List():
                for element in node.elts:
                    self.target(element, state)
            case ast.Starred():
                self.target(node.value, state)
            case _:
                self.expression(node, state)

    def expression(self, node: ast.AST, state: State) -> None:
        """Note what evaluating ``node`` reads and changes."""
        todo: list[ast.AST] = [node]
        while todo:
            current = todo.pop()
            match current:
                case ast.Name(ctx=ast.Load()):
                    self.load(current.id, current, state)
                case ast.Lambda():
                    self.deferred.add(free_names(current))
                    todo.extend(reversed(evaluated_at_definition(current)))
                    continue
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    for name in walrus_targets(current):
                        self.bind(name, state)
                    self._inner(comprehension_free(current), state)
                    continue
                case ast.NamedExpr(target=ast.Name(id=name)):
                    self.expression(current.value, state)
                    self.bind(name, state)
                    continue
                case ast.Await():
                    self.awaits = True
            changed = changed_by(current)
            if changed:
                self.found.changes.update(self._visible(changed, state))
            todo.extend(reversed(list(ast.iter_child_nodes(current))))

    def _inner(self, free: Free, state: State) -> None:
        for name, reader in free.reads.items():
            self.load(name, reader, state)
        self.found.changes.update(self._visible(free.changes, state))

    def load(self, name: str, node: ast.AST, state: State) -> None:
        """Note a read, unless it is of the code's own name."""
        if name in state.bound:
            return
        if name in state.maybe:
            self.soft.setdefault(name, node)
        else:
            self.found.read(name, node)

    def bind(self, name: str, state: State) -> None:
        """Note that ``name`` is bound from here on."""
        self.bound.add(name)
        state.bound.add(name)
        state.sure.add(name)

    def _visible(self, names: Iterable[str], state: State) -> set[str]:
        """Those objects that come from outside: changing one's own is nobody's business."""
        return {name for name in names if name not in state.bound}


def _without_method_bodies(node: ast.ClassDef) -> ast.ClassDef:
    body = [
        _without_body(statement)
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        else statement
        for statement in node.body
    ]
    return ast.ClassDef(node.name, node.bases, node.keywords, body, node.decorator_list)


def _without_body(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
) -> ast.FunctionDef | ast.AsyncFunctionDef:
    return type(node)(node.name, node.args, [], node.decorator_list, node.returns)
