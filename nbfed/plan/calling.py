"""Write the call of a role's function: its arguments, and the names for its results."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.scopes import all_parameters
from nbfed.analyse.statements import Statement, written
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.diagnostics import Diagnostic
from nbfed.plan.binding import Binding, bind
from nbfed.plan.calls import Call
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.measuring import returning
from nbfed.plan.notes import note
from nbfed.plan.offers import offers_of
from nbfed.plan.returned import returned_names
from nbfed.roles import Role


def bound_call(
    facts: Facts, role: Role, statement: Statement, function: FunctionDef, at: int
) -> tuple[str, tuple[Statement, ...], list[Diagnostic]]:
    """The text of a call at ``at``, statements to put before it, and what it lacks."""
    models = () if role is Role.DATA else facts.holding(Kind.MODULE, at)
    binding = bind(function, role, offers_of(facts, at), models)
    text = f"{function.name}({', '.join(binding.arguments)})"
    problems = _unbound(facts, role, statement, function, binding)
    made = []
    if binding.epochs:
        made.append(written(f"{binding.epochs} = 1", statement, Role.PARAMS))
        problems.append(
            note(
                facts,
                "NBF322",
                statement,
                f"nothing says how many `{binding.epochs}` a round has: the parameter "
                f"`{binding.epochs}` is made, 1 by default",
                "set it in federation.yaml, or assign it in a `# nbfed: params` cell",
                _parameter_node(function, binding.epochs),
            )
        )
    for name in binding.places:
        made.append(written(f'{name} = ""', statement, Role.SITE))
        problems.append(
            note(
                facts,
                "NBF322",
                statement,
                f"no cell says what `{name}` of `{function.name}` is: each site has a key for it",
                f"give it in federation.yaml: `sites: {{NAME: {{params: {{{name}: ...}}}}}}`",
                _parameter_node(function, name),
            )
        )
    return text, tuple(made), problems


def called(
    facts: Facts,
    role: Role,
    statement: Statement,
    function: FunctionDef,
    call: str,
    problems: Sequence[Diagnostic],
    before: tuple[Statement, ...] = (),
) -> Completed:
    """Put a call behind everything else, its results bound by the names that are returned."""
    try:
        reads = {node.id for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Name)}
    except SyntaxError:
        problem = note(facts, "NBF301", statement, f"the option `call` is not Python: {call}")
        return unchanged(facts, *problems, problem)
    statements = list(facts.statements)
    returned = returned_names(function)
    if not returned and role is Role.EVALUATE:
        changed = returning(facts, statement, function)
        if changed is not None:
            statements[statement.order], returned = changed
    models = facts.holding(Kind.MODULE, len(facts.statements))
    names = tuple(
        f"{role}_{name}" if name in reads and name not in models else name for name in returned
    )
    text = f"{', '.join(names)} = {call}" if names else call
    return Completed((*statements, *before, written(text, statement, role)), tuple(problems))


def settled_text(facts: Facts, call: Call) -> str | None:
    """The call's text; a loop's counter in it becomes 0, other loop names make it useless."""
    inner = call.statement.names.bound
    names = {
        part.id: part
        for part in ast.walk(call.call)
        if isinstance(part, ast.Name) and part.id in inner
    }
    if not names:
        return ast.unparse(call.call)
    counters = {
        part.id
        for node in call.statement.nodes
        for loop in ast.walk(node)
        if isinstance(loop, ast.For)
        for part in ast.walk(loop.target)
        if isinstance(part, ast.Name)
    }
    kept = {name for name in names if facts.before(name, call.statement.order) is not None}
    if not set(names) <= counters | kept:
        return None
    settled = _Settle(counters - kept).visit(ast.parse(ast.unparse(call.call), mode="eval"))
    return ast.unparse(settled)


class _Settle(ast.NodeTransformer):
    def __init__(self, counters: set[str]) -> None:
        self.counters = counters

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(0) if node.id in self.counters else node


def _unbound(
    facts: Facts, role: Role, statement: Statement, function: FunctionDef, binding: Binding
) -> list[Diagnostic]:
    problems = []
    shown = ", ".join(
        f"{argument.arg}={binding.found.get(argument.arg, '...')}"
        for argument in all_parameters(function.args)
        if argument.arg in binding.found or argument.arg in binding.missing
    )
    for name in binding.missing:
        problems.append(
            note(
                facts,
                "NBF301",
                statement,
                f"nothing supplies the parameter `{name}` of `{function.name}`",
                f'say how to call it: `# nbfed: {role} call="{function.name}({shown})"`',
                _parameter_node(function, name),
            )
        )
    for name, candidates in binding.ties.items():
        listed = ", ".join(f"`{candidate}`" for candidate in candidates)
        problems.append(
            note(
                facts,
                "NBF312",
                statement,
                f"the parameter `{name}` of `{function.name}` could be {listed}",
                f'say which: `# nbfed: {role} call="{function.name}(..., {name}={candidates[0]})"`',
                _parameter_node(function, name),
            )
        )
    return problems


def _parameter_node(function: FunctionDef, name: str) -> ast.AST:
    for node in ast.walk(function.args):
        if isinstance(node, ast.arg) and node.arg == name:
            return node
    return function
