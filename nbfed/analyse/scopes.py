"""Python's scopes: which names a function binds, and which it takes from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nbfed.analyse.changes import changed_by

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass
class Free:
    """What a scope takes from outside: names it reads, changes in place, declares global.

    ``reads`` maps each name to the first node that reads it.
    """

    reads: dict[str, ast.AST] = field(default_factory=dict)
    changes: set[str] = field(default_factory=set)
    declared_global: set[str] = field(default_factory=set)

    def read(self, name: str, node: ast.AST) -> None:
        """Note a read; the first one is kept."""
        self.reads.setdefault(name, node)

    def add(self, inner: Free, hidden: frozenset[str] | set[str] = frozenset()) -> None:
        """Take over what an inner scope takes from outside, ``hidden`` names excepted."""
        for name, node in inner.reads.items():
            if name not in hidden or name in inner.declared_global:
                self.read(name, node)
        self.changes |= {
            name for name in inner.changes if name not in hidden or name in inner.declared_global
        }
        self.declared_global |= inner.declared_global


def free_names(function: FunctionNode) -> Free:
    """What the body of ``function`` takes from outside, once it is called."""
    body: list[ast.AST] = (
        [function.body] if isinstance(function, ast.Lambda) else list(function.body)
    )
    free = Free()
    bound = set(parameters(function.args))
    for node in body:
        bindings = Bindings.of(node)
        bound |= bindings.names
        free.declared_global |= bindings.declared_global
    found = Free()
    for node in body:
        collect(node, found)
    # A name that the function declares global is the notebook's own, even where only assigned.
    free.add(found, bound - free.declared_global)
    for name in free.declared_global:
        free.read(name, function)
    free.changes |= free.declared_global & bound
    return free


def parameters(arguments: ast.arguments) -> Iterator[str]:
    """Names of all parameters."""
    for argument in all_parameters(arguments):
        yield argument.arg


def all_parameters(arguments: ast.arguments) -> Iterator[ast.arg]:
    """All parameters in the order of the signature, ``*args`` and ``**kwargs`` included."""
    yield from arguments.posonlyargs
    yield from arguments.args
    if arguments.vararg:
        yield arguments.vararg
    yield from arguments.kwonlyargs
    if arguments.kwarg:
        yield arguments.kwarg


@dataclass
class Bindings:
    """Names that a piece of code binds in its own scope, wherever in it they are bound."""

    names: set[str] = field(default_factory=set)
    declared_global: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, *nodes: ast.AST) -> Bindings:
        """The bindings of ``nodes``, inner scopes left out."""
        bindings = cls()
        todo: list[ast.AST] = list(nodes)
        while todo:
            node = todo.pop()
            bindings.names.update(bound_here(node))
            match node:
                case ast.Global():
                    bindings.declared_global.update(node.names)
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                    todo.extend(evaluated_at_definition(node))
                    continue
                case ast.ClassDef():
                    todo.extend([*node.decorator_list, *node.bases, *node.keywords])
                    continue
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    # Inside a comprehension only a walrus binds in this scope.
                    bindings.names.update(walrus_targets(node))
                    continue
            todo.extend(ast.iter_child_nodes(node))
        return bindings


def bound_here(node: ast.AST) -> Iterable[str]:
    """Names that this very node binds; children are not looked at."""
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            return (node.id,)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return (node.name,)
        case ast.Import() | ast.ImportFrom():
            return tuple(name for name in map(import_binding, node.names) if name != "*")
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            return (name,)
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return (name,)
        case _:
            return ()


def import_binding(alias: ast.alias) -> str:
    """The name that an alias of an import statement binds, ``*`` for a star import."""
    return alias.asname or alias.name.partition(".")[0]


def walrus_targets(node: ast.AST) -> set[str]:
    """Targets of ``:=`` in an expression, lambdas left out."""
    found: set[str] = set()
    todo = [node]
    while todo:
        current = todo.pop()
        if isinstance(current, ast.Lambda):
            continue
        if isinstance(current, ast.NamedExpr) and isinstance(current.target, ast.Name):
            found.add(current.target.id)
        todo.extend(ast.iter_child_nodes(current))
    return found


def evaluated_at_definition(function: FunctionNode) -> list[ast.AST]:
    """What runs when the definition runs: decorators, defaults, annotations."""
    arguments = function.args
    nodes: list[ast.AST] = [*arguments.defaults]
    nodes.extend(default for default in arguments.kw_defaults if default is not None)
    nodes.extend(
        argument.annotation
        for argument in all_parameters(arguments)
        if argument.annotation is not None
    )
    if not isinstance(function, ast.Lambda):
        nodes.extend(function.decorator_list)
        if function.returns is not None:
            nodes.append(function.returns)
    return nodes


def collect(node: ast.AST, free: Free) -> None:
    """Add what ``node`` reads and changes, as seen from its own scope, to ``free``."""
    todo: list[ast.AST] = [node]
    while todo:
        current = todo.pop()
        match current:
            case ast.Name(ctx=ast.Load() | ast.Del()):
                free.read(current.id, current)
            case ast.AugAssign(target=ast.Name(id=name)):
                free.read(name, current.target)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                free.add(free_names(current))
                todo.extend(reversed(evaluated_at_definition(current)))
                continue
            case ast.ClassDef():
                free.add(class_free(current))
                continue
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                free.add(comprehension_free(current))
                continue
        free.changes.update(changed_by(current))
        todo.extend(reversed(list(ast.iter_child_nodes(current))))


def comprehension_free(node: Comprehension) -> Free:
    """What a comprehension takes from outside; its targets are its own."""
    targets = Bindings.of(*(generator.target for generator in node.generators)).names
    inner = Free()
    for child in ast.iter_child_nodes(node):
        collect(child, inner)
    outer = Free()
    outer.add(inner, targets)
    # The first iterable is evaluated outside, where a target's name is the outer one.
    first = Free()
    collect(node.generators[0].iter, first)
    outer.add(first)
    return outer


def class_free(node: ast.ClassDef) -> Free:
    """What a class takes from outside: its body at once, its methods later."""
    free = Free()
    for part in (*node.decorator_list, *node.bases, *node.keywords):
        collect(part, free)
    own: set[str] = set()
    for statement in node.body:
        inner = Free()
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            # A method does not see its class's names.
            free.add(free_names(statement))
            for part in evaluated_at_definition(statement):
                collect(part, inner)
        else:
            collect(statement, inner)
        free.add(inner, own)
        own |= Bindings.of(statement).names
    return free
