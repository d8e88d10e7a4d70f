"""What a federation cannot do without: a model from outside, data, an evaluation of the model."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.made import models_trained_alone
from nbfed.plan.notes import note
from nbfed.plan.slice import Slice
from nbfed.roles import Role


def lacking(facts: Facts, users: Sequence[Slice]) -> Iterator[Diagnostic]:
    """What training, the first of ``users``, and the evaluation use too little of."""
    train, *others = users
    alone = list(_own_models(facts, train))
    yield from alone
    if not train.models and not alone:
        yield _no_model(facts)
    elif not train.data:
        loader = _loads_itself(train)
        yield _no_data(facts) if loader is None else _anew(facts, loader)
    for evaluate in others:
        if not evaluate.models:
            yield _not_evaluated(facts)


def _own_models(facts: Facts, train: Slice) -> Iterator[Diagnostic]:
    for statement, node in models_trained_alone(facts, train.ordered):
        yield note(
            facts,
            "NBF325",
            statement,
            "training makes this model itself: every round would begin with new weights, and the "
            "federation's would never be trained",
            "make the model once, in the model region, and train that one",
            node,
        )


def _no_model(facts: Facts) -> Diagnostic:
    return note(
        facts,
        "NBF301",
        facts.of_role(Role.TRAIN)[-1],
        "training uses no model that exists before it",
        "make the model in the model region, before training, and train that one: `model = Net()`",
    )


def _no_data(facts: Facts) -> Diagnostic:
    return note(
        facts,
        "NBF301",
        facts.of_role(Role.TRAIN)[-1],
        "training uses nothing that the data regions make",
        "make the loaders in the data region, and use them by their names in training",
    )


def _loads_itself(train: Slice) -> Statement | None:
    """A function of the data regions that training itself calls."""
    for item in train.ordered:
        if item.role is Role.DATA and isinstance(item.node, ast.FunctionDef):
            return item
    return None


def _anew(facts: Facts, loader: Statement) -> Diagnostic:
    return note(
        facts,
        "NBF328",
        loader,
        "training calls this by itself, so that every round loads the data anew, and nothing "
        "tells how many examples a site has: all sites weigh the same",
        "make the loaders in the data region, and give them to the code that trains",
    )


def _not_evaluated(facts: Facts) -> Diagnostic:
    return note(
        facts,
        "NBF301",
        facts.of_role(Role.EVALUATE)[-1],
        "the evaluation does not use the model that is trained",
        "compute the metrics from the model: `predictions = model(inputs)`",
    )
