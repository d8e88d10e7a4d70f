"""Where code makes a torch module anew, rather than alters one that it is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from nbfed.analyse.bodies import module_parameters, own_nodes
from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement


def models_made(
    facts: Facts, body: Sequence[ast.stmt], given: Sequence[str] = ()
) -> list[ast.Assign | ast.AnnAssign]:
    """Assignments of ``body``, inner functions left out, that make a module and train it.

    A module counts as trained where its parameters are given to something, or it is put into
    training mode. ``given`` are names of modules that the code is handed.
    """
    nodes = own_nodes(list(body))
    env = {**facts.modules, **dict.fromkeys(given, Kind.MODULE)}
    kinds = {**env, **facts.values.local_kinds(list(body), env)}
    trained = {name for node in nodes for name in _trained_by(node)}
    return [
        node
        for node in nodes
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        and node.value is not None
        and _names(node) & trained
        and makes_module(facts, node.value, kinds)
    ]


def models_trained_alone(
    facts: Facts, statements: Sequence[Statement]
) -> Iterator[tuple[Statement, ast.AST]]:
    """Places in a training slice that make the very model which they then train."""
    for item in statements:
        for body, given in _bodies(item):
            for node in models_made(facts, body, given):
                yield item, node


def _bodies(item: Statement) -> Iterator[tuple[list[ast.stmt], Sequence[str]]]:
    """The code of a statement, scope by scope; a class with all its methods is one."""
    if item.is_import or item.text:
        return
    if not item.is_definition:
        yield list(item.nodes), ()
    for root in item.nodes:
        for node in ast.walk(root):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    yield node.body, module_parameters(node)
                case ast.ClassDef():
                    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
                    yield [part for method in methods for part in method.body], ()


def makes_module(facts: Facts, value: ast.expr, kinds: Mapping[str, Kind]) -> bool:
    """Whether an expression makes a module, and not of another one."""
    values = value.elts if isinstance(value, ast.Tuple) else [value]
    return any(
        facts.values.kind(part, kinds) is Kind.MODULE
        and not isinstance(part, ast.Name)
        and not any(
            isinstance(inner, ast.Name) and kinds.get(inner.id) is Kind.MODULE
            for inner in ast.walk(part)
        )
        for part in values
    )


def _names(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {
        ast.unparse(part)
        for target in targets
        for part in ([*target.elts] if isinstance(target, ast.Tuple) else [target])
    }


def _trained_by(node: ast.AST) -> set[str]:
    if not isinstance(node, ast.Call):
        return set()
    # `train(model, loader)`, `trainer.fit(model)`: whoever gets it may train it.
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    found = {ast.unparse(part) for part in values if isinstance(part, (ast.Name, ast.Attribute))}
    match node.func:
        case ast.Attribute(value=owner, attr="parameters" | "train" | "fit"):
            found.add(ast.unparse(owner))
    return found
