"""The strategy region: which object is the server's strategy."""

from __future__ import annotations

import ast

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement, written
from nbfed.diagnostics import Diagnostic
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.notes import note
from nbfed.plan.settings import Settings
from nbfed.roles import Role

_OLD = "flwr.server.strategy."
_NEW = "flwr.serverapp.strategy"
# Options of Flower's former strategies, by their names of today; all others had no successor.
_RENAMED = {
    "fraction_fit": "fraction_train",
    "fraction_evaluate": "fraction_evaluate",
    "min_fit_clients": "min_train_nodes",
    "min_evaluate_clients": "min_evaluate_nodes",
    "min_available_clients": "min_available_nodes",
    **{
        name: name
        for name in (
            *("eta", "eta_l", "beta_1", "beta_2", "tau", "beta", "proximal_mu", "q_param"),
            *("server_learning_rate", "server_momentum"),
        )
    },
}
_RENAMED_CLASSES = {"FedAdagrad": "FedAdagrad", "QFedAvg": "QFedAvg", "FedAvgAndroid": "FedAvg"}


_CLASSES = (
    *("FedAvg", "FedAvgM", "FedAdam", "FedYogi", "FedAdagrad", "FedProx", "FedMedian"),
    *("FedTrimmedAvg", "Krum", "MultiKrum", "Bulyan", "QFedAvg"),
)
_BY_TEXT = {name.lower(): name for name in _CLASSES}


def todays_strategy(facts: Facts, settings: Settings) -> Completed:
    """Write a strategy of Flower's former names with today's; leave out its server's settings."""
    statements = list(facts.statements)
    problems: list[Diagnostic] = []
    for item in facts.of_role(Role.STRATEGY):
        call = _strategy_call(facts, item)
        named = _named(item)
        if named is not None:
            bound, name = named
            text = f"from {_NEW} import {name}\n{bound} = {name}()"
            statements[item.order] = written(text, item, Role.STRATEGY)
        if call is None:
            continue
        dotted = facts.vocabulary.dotted(call[1].func) or ""
        if dotted.startswith(_OLD):
            name = _RENAMED_CLASSES.get(dotted.rpartition(".")[2], dotted.rpartition(".")[2])
            kept, dropped = _arguments(call[1])
            text = f"from {_NEW} import {name}\n{call[0]} = {name}({', '.join(kept)})"
            statements[item.order] = written(text, item, Role.STRATEGY)
            problems.append(_renamed(facts, item, name, dropped))
    if statements == list(facts.statements):
        return unchanged(facts)
    return Completed(tuple(statements), tuple(problems))


def _named(item: Statement) -> tuple[str, str] | None:
    """``strategy = "FedAvg"``: the name that it binds, and the class."""
    match item.nodes:
        case (ast.Assign(targets=[ast.Name(id=bound)], value=ast.Constant(value=str(text))),):
            name = _BY_TEXT.get("".join(filter(str.isalnum, text.lower())))
            return (bound, name) if name else None
        case _:
            return None


def _renamed(facts: Facts, item: Statement, name: str, dropped: list[str]) -> Diagnostic:
    left_out = f"; left out: {', '.join(dropped)}" if dropped else ""
    return note(
        facts,
        "NBF320",
        item,
        f"`flwr.server.strategy` is Flower's former API; `{_NEW}.{name}` is used{left_out}",
        "rounds and the number of sites are set in federation.yaml",
    )


def _arguments(call: ast.Call) -> tuple[list[str], list[str]]:
    kept = [f"{_RENAMED[k.arg]}={ast.unparse(k.value)}" for k in call.keywords if k.arg in _RENAMED]
    dropped = [k.arg or "**" for k in call.keywords if k.arg not in _RENAMED]
    return kept, dropped


def _strategy_call(facts: Facts, item: Statement) -> tuple[str, ast.Call] | None:
    match item.node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
            dotted = facts.vocabulary.dotted(call.func) or ""
            if ".strategy." in dotted or name == "strategy" or _is_strategy(facts, dotted):
                return name, call
    return None


def _is_strategy(facts: Facts, name: str) -> bool:
    node = facts.vocabulary.classes.get(name)
    return node is not None and any(
        ".strategy." in (facts.vocabulary.dotted(base) or "") for base in node.bases
    )


def strategy_statement(facts: Facts) -> tuple[Statement, str] | None:
    """The last statement that makes a strategy, and the name that it binds."""
    for item in reversed(facts.of_role(Role.STRATEGY)):
        for node in item.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)]):
                    if item.text or _strategy_call(facts, item):
                        return item, name
    return None


def no_strategy(facts: Facts) -> Diagnostic:
    """A strategy region that makes none."""
    return note(
        facts,
        "NBF301",
        facts.of_role(Role.STRATEGY)[0],
        "the strategy region makes no Flower strategy",
        f"assign one: `strategy = FedAvg()` with `from {_NEW} import FedAvg`, or remove the role "
        "and name the strategy in federation.yaml",
    )
