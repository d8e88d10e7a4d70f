"""Shapes of notebooks that cannot be compiled: said plainly, with what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.epochs import called_in
from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.functions import function_trains
from nbfed.plan.notes import note
from nbfed.plan.slice import Slice
from nbfed.roles import Role

_ROLES = (Role.DATA, Role.MODEL, Role.TRAIN, Role.EVALUATE)
_FOLDS = re.compile(r".*(fold|kf|cv|splitter|sss|loo).*", re.I)
_A_FOLD = re.compile(
    r"(i_?|n_?|k_?|cv_?|current_?)?fold(_?(i|id|idx|n|no|num|number|index))?", re.I
)
_ASKS_FOR_FOLD = re.compile(r".*k_?fold.*data.*|.*fold_data.*|get_fold\w*", re.I)
_FEDERATED = re.compile(
    r"(flwr|syft|openfl|nvflare|fedml|fedlab|tensorflow_federated|fate|substra|fedbiomed)(\..*)?"
)
_NAMESPACE = frozenset({"globals", "locals", "vars"})
_WAITS = frozenset({"input", "raw_input", "getpass.getpass", "ipywidgets.interact"})


def refused_shapes(facts: Facts) -> list[Diagnostic]:
    """What a role's own statements hold that no function or federation can."""
    return [
        problem
        for role in _ROLES
        for statement in facts.of_role(role)
        for problem in (
            *_not_in_a_function(facts, statement),
            *(_folds(facts, statement) if role is Role.TRAIN else ()),
            *_federated(facts, statement),
        )
    ] + [problem for helper in _unmarked(facts) for problem in _folds(facts, helper)]


def _unmarked(facts: Facts) -> list[Statement]:
    """Definitions without a role that training's statements call."""
    called = {name for item in facts.of_role(Role.TRAIN) for name in item.names.reads}
    return [
        item
        for item in facts.statements
        if item.role is None and item.is_definition and item.names.bound & called
    ]


def waiting(facts: Facts, found: Slice) -> Iterator[Diagnostic]:
    """Calls in a slice that wait for a person."""
    for statement in found.ordered:
        for call in _calls(statement):
            dotted = facts.vocabulary.dotted(call.func) or ""
            if dotted in _WAITS and dotted not in facts.vocabulary.functions:
                yield note(
                    facts,
                    "NBF212",
                    statement,
                    f"`{dotted}` waits for a person, and nobody sits at a site",
                    "make the value a parameter (`# nbfed: params`) or a site's key "
                    "(`# nbfed: site`)",
                    call,
                )


def _calls(statement: Statement) -> Iterator[ast.Call]:
    for node in statement.nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                yield part


def _not_in_a_function(facts: Facts, statement: Statement) -> Iterator[Diagnostic]:
    if statement.names.awaits:
        yield note(
            facts,
            "NBF210",
            statement,
            "`await` works at a notebook's top level only",
            "use the blocking form of the call",
        )
    for node in own_nodes(list(statement.nodes)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _NAMESPACE and not node.args:
                yield note(
                    facts,
                    "NBF210",
                    statement,
                    f"`{name}()` is another thing inside a function",
                    "use the names themselves, or a dictionary of your own",
                    node,
                )


def _folds(facts: Facts, statement: Statement) -> Iterator[Diagnostic]:
    for node in statement.nodes:
        for loop in ast.walk(node):
            if isinstance(loop, ast.For) and _over_folds(loop) and _trains(facts, loop):
                yield note(
                    facts,
                    "NBF318",
                    statement,
                    "training is repeated for every fold of a cross-validation; a federation "
                    "trains one model",
                    "choose one split in the data region: `train_rows, test_rows = "
                    "next(iter(folds.split(x)))`, and train on it, without the loop",
                    loop.iter,
                )
                return


def _trains(facts: Facts, loop: ast.For) -> bool:
    """Whether the loop goes backward, itself or through a function or method."""
    functions = {**facts.vocabulary.methods, **facts.vocabulary.functions}
    if any(isinstance(part, ast.Attribute) and part.attr == "backward" for part in ast.walk(loop)):
        return True
    called = called_in(loop)
    if "fit" in called:
        return True
    return any(function_trains(facts, functions[name]) for name in called & functions.keys())


def _over_folds(loop: ast.For) -> bool:
    """Whether the loop, by what it runs over, is called, or asks for, is one over folds."""
    for part in ast.walk(loop.iter):
        match part:
            case ast.Call(func=ast.Attribute(value=owner, attr="split")):
                if _FOLDS.fullmatch(ast.unparse(owner)):
                    return True
            case ast.Name(id=name) if re.fullmatch(
                r"(n_?|num_?|k_?)?(folds|splits)|kfolds?", name, re.I
            ):
                return True
    names = [part.id for part in ast.walk(loop.target) if isinstance(part, ast.Name)]
    return any(_A_FOLD.fullmatch(name) for name in names) or any(
        _ASKS_FOR_FOLD.fullmatch(name) for name in called_in(loop)
    )


def _federated(facts: Facts, statement: Statement) -> Iterator[Diagnostic]:
    if statement.is_import or statement.text:
        return
    for name, node in {**statement.names.reads, **statement.names.deferred}.items():
        dotted = facts.vocabulary.aliases.get(name, "")
        if _FEDERATED.fullmatch(dotted):
            yield note(
                facts,
                "NBF319",
                statement,
                f"this code is federated already, with `{dotted.partition('.')[0]}`",
                "give the roles to the plain PyTorch code that it wraps: model, loaders, and "
                "the functions that train and test",
                node,
            )
            return
