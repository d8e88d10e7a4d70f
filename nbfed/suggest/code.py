"""What the statements of an unmarked notebook show, for proposing roles.

Rougher than the compiler's own analysis on purpose: a proposal is looked at by a person.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from nbfed.read.cells import Notebook, SyntaxProblem
from nbfed.read.parsing import parse
from nbfed.roles import Region, Role

BACKWARD = re.compile(r"(?:.*\.)?(?:backward|manual_backward)")
"""What only training calls."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_PURE_CALL = re.compile(
    r"(?:torch\.)?device|(?:\w+\.)*(?:transforms?|T|A|nn|v2)\.\w+|Compose|(?:pathlib\.)?Path"
    r"|(?:os\.path|osp)\.\w+|re\.compile|torch\.cuda\.is_available|(?:\w+\.)*\w+Loss"
    r"|getattr|dict|list|tuple|set|len|int|float|str|bool|range|zip|min|max|sum|sorted|enumerate|round"
    r"|(?:\w+\.)*(?:[A-Z]\w*d|To\w+|Rand\w+|Normalize|Resize|Activations|AsDiscrete)"
)


@dataclass(frozen=True)
class Statement:
    """A statement at a notebook's top level; ``position`` counts them all from 0.

    ``part`` is the first line of the region of the cell that it is in, and ``role`` the role
    that this region has already.
    """

    position: int
    cell: int
    node: ast.stmt
    part: int = 1
    role: Role | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Cell and part: what one tag or directive covers."""
        return self.cell, self.part

    @property
    def line(self) -> int:
        """The 1-based line in the cell where it starts, decorators included."""
        decorators: list[ast.expr] = getattr(self.node, "decorator_list", [])
        return min([self.node.lineno, *(each.lineno for each in decorators)])

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names that it binds at top level."""
        return frozenset(_bound(self.node))

    @cached_property
    def reads(self) -> frozenset[str]:
        """Names from outside that it mentions, inside functions too."""
        try:
            return frozenset(_free(self.node))
        except RecursionError:  # a sum of a thousand terms: count its locals too
            names = (node for node in ast.walk(self.node) if isinstance(node, ast.Name))
            return frozenset(node.id for node in names if isinstance(node.ctx, ast.Load))

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """Dotted names of everything called in it, as ``torch.no_grad`` or ``().backward``."""
        nodes = (node for node in ast.walk(self.node) if isinstance(node, ast.Call))
        return tuple(dotted(node.func) for node in nodes)

    @property
    def is_definition(self) -> bool:
        """Whether it only defines a function or class."""
        return isinstance(self.node, (*_FUNCTIONS, ast.ClassDef))

    @property
    def is_pure(self) -> bool:
        """Whether it may be pulled into a slice without asking, as a rule of thumb."""
        if self.is_definition or isinstance(self.node, ast.Import | ast.ImportFrom):
            return True
        if not isinstance(self.node, ast.Assign | ast.AnnAssign):
            return False
        return all(_PURE_CALL.fullmatch(call) for call in self.calls)


@dataclass(frozen=True)
class Code:
    """All statements of a notebook, in order, and its functions and classes by name."""

    statements: tuple[Statement, ...]
    functions: Mapping[str, Statement] = field(default_factory=dict)
    classes: Mapping[str, Statement] = field(default_factory=dict)

    def reached(self, start: Statement) -> tuple[Statement, ...]:
        """A statement and the functions of the notebook that it uses, and those that they use."""
        found = {start.position: start}
        waiting = [start]
        while waiting:
            for name in waiting.pop().reads:
                function = self.functions.get(name)
                if function and function.position not in found:
                    found[function.position] = function
                    waiting.append(function)
        return tuple(found.values())

    def definition_before(self, name: str, position: int) -> Statement | None:
        """The last statement before a position that binds a name."""
        places = self._places.get(name, ())
        index = bisect_left(places, position) - 1
        return self.statements[places[index]] if index >= 0 else None

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for each in self.statements:
            for name in each.binds:
                places.setdefault(name, []).append(each.position)
        return places

    def callers(self, name: str) -> list[Statement]:
        """Statements that call a function of this name, the function itself aside."""
        return [each for each in self.statements if name in each.calls and name not in each.binds]


def read_code(notebook: Notebook, regions: Sequence[Region]) -> Code:
    """The statements of every code cell that is Python, and the roles that they have."""
    statements: list[Statement] = []
    for cell, parts in groupby(regions, key=lambda region: region.cell):
        tree = parse(notebook.cell(cell).source)
        if isinstance(tree, SyntaxProblem):
            continue
        starts = list(parts)
        for node in _top_level(tree.body):
            part = [each for each in starts if each.first_line <= node.lineno][-1]
            statements.append(Statement(len(statements), cell, node, part.first_line, part.role))
    functions = _named(statements, lambda node: isinstance(node, _FUNCTIONS))
    classes = _named(statements, lambda node: isinstance(node, ast.ClassDef))
    return Code(tuple(statements), functions, classes)


def dotted(node: ast.expr) -> str:
    """``a.b.c`` for names and attributes, with ``()`` for whatever is no name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "()")
    return ".".join(reversed(parts))


def last_part(name: str) -> str:
    """``DataLoader`` of ``torch.utils.data.DataLoader``."""
    return name.rpartition(".")[2]


def calls_any(statements: Iterable[Statement], pattern: re.Pattern[str]) -> bool:
    """Whether any of them calls something whose whole dotted name matches."""
    return any(pattern.fullmatch(call) for each in statements for call in each.calls)


def constructor(value: ast.expr | None) -> str:
    """What makes a value, behind ``.to(device)``, ``.cuda()`` and wrappers; "" if not a call."""
    while isinstance(value, ast.Call):
        name = dotted(value.func)
        if isinstance(value.func, ast.Attribute) and isinstance(value.func.value, ast.Call):
            value = value.func.value
        elif last_part(name) in ("DataParallel", "compile", "DistributedDataParallel"):
            value = value.args[0] if value.args else None
        else:
            return name
    return ""


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and _asks_for_main(node.test):
            yield from node.body
        else:
            yield node


def _asks_for_main(test: ast.expr) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(test))


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node.name
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        return
    yield from _stored(node)


def _free(node: ast.AST) -> set[str]:
    """Names that code reads from around itself; locals of functions in it are not among them."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    names = {name for child in ast.iter_child_nodes(node) for name in _free(child)}
    if isinstance(node, (*_FUNCTIONS, ast.Lambda)):
        arguments = node.args
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        names -= {each.arg for each in (*every, arguments.vararg, arguments.kwarg) if each}
    if isinstance(node, _FUNCTIONS):
        names -= {name for statement in node.body for name in _bound(statement)}
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        names -= {name for each in node.generators for name in _stored(each.target)}
    return names


def _stored(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id


def _named(
    statements: Iterable[Statement], wanted: Callable[[ast.stmt], bool]
) -> dict[str, Statement]:
    return {name: each for each in statements if wanted(each.node) for name in each.binds}


def some(names: Sequence[str]) -> str:
    """At most three of the names, for a sentence."""
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return f"{shown}, ..." if len(names) > 3 else shown


def first_in_places(statements: Iterable[Statement]) -> list[Statement]:
    """Of the statements that one tag or directive covers together, the first."""
    firsts: dict[tuple[int, int], Statement] = {}
    for each in sorted(statements, key=lambda each: each.position):
        firsts.setdefault(each.place, each)
    return list(firsts.values())
