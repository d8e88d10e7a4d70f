"""Which names of a stage are its metrics: the numbers that leave a site."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from nbfed.analyse.bodies import last_returned, own_nodes
from nbfed.analyse.candidates import outside_batches, reset_names, telling
from nbfed.analyse.epochs import epoch_trainers
from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.numbers import Found, Numbers, Surety
from nbfed.analyse.statements import Statement
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.diagnostics import Diagnostic
from nbfed.plan.no_numbers import kind_of_no_number
from nbfed.plan.notes import note
from nbfed.plan.printed import said_to_be_metrics
from nbfed.roles import Role


@dataclass(frozen=True)
class Metrics:
    """Names of metrics, or the one name of a mapping that holds them.

    ``unsure`` tells that the text does not show whether the names hold numbers.
    """

    names: tuple[str, ...] = ()
    mapping: str = ""
    unsure: bool = False
    problems: tuple[Diagnostic, ...] = ()


def metrics_of(facts: Facts, role: Role, hidden: frozenset[str] = frozenset()) -> Metrics:
    """The metrics of a role's statements. ``hidden`` names, such as the model's, are none.

    ``metrics=`` on a region settles it. Else they are the names that the region binds outside
    its loops over batches and that hold a number, as far as the text tells; what only adds up
    or counts is taken only where nothing else is.
    """
    own = facts.of_role(role)
    named = [(item, item.options["metrics"]) for item in own if "metrics" in item.options]
    if named:
        return _named(facts, own, named[0][0], named[0][1])
    mapping = _mapping(facts, own)
    if mapping and role is Role.EVALUATE:
        return Metrics(mapping=mapping)
    names, unsure = _numbers(facts, own, role, hidden)
    if names or role is not Role.EVALUATE or not own:
        return Metrics(names, unsure=unsure)
    problem = note(
        facts,
        "NBF301",
        own[-1],
        "`evaluate` binds no number that could be a metric",
        "assign it to a name, as in `accuracy = correct / total`, and name it: "
        "`# nbfed: evaluate metrics=accuracy`",
    )
    return Metrics(problems=(problem,))


def _named(facts: Facts, own: Sequence[Statement], at: Statement, option: str) -> Metrics:
    names = tuple(part.strip() for part in option.split(",") if part.strip())
    problems: list[Diagnostic] = []
    bound = frozenset(name for item in own for name in item.names.bound)
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            problems.append(note(facts, "NBF308", at, f"the metric `{name}` is named twice"))
        if name not in bound:
            problems.append(
                note(
                    facts,
                    "NBF301",
                    at,
                    f"the metric `{name}` is bound nowhere in the {at.role} region",
                    f"the region binds {_listed(bound)}",
                )
            )
        elif kind := kind_of_no_number(facts, own, name):
            problems.append(
                note(
                    facts,
                    "NBF309",
                    at,
                    f"the metric `{name}` is {kind}, and only numbers leave a site",
                    f"name a number that is taken out of it, as in `best = max({name})`",
                )
            )
    known = tuple(name for name in dict.fromkeys(names) if name in bound)
    return Metrics(known, problems=tuple(problems))


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)[:12]) or "nothing"


def _mapping(facts: Facts, own: Sequence[Statement]) -> str:
    """The name that holds all metrics as a dictionary, if the region ends with such a one."""
    for item in reversed(own):
        for node in reversed(item.nodes):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if is_metrics_mapping(facts, value):
                        return name
    return ""


def is_metrics_mapping(facts: Facts, value: ast.expr) -> bool:
    """Whether ``value`` is a dictionary of numbers by text, or a call that returns one."""
    entries = entries_of(facts, value)
    return bool(entries) and Surety.NO not in entries.values()


def entries_of(facts: Facts, value: ast.expr, depth: int = 0) -> dict[str, Surety]:
    """The keys of a dictionary, or of the one that a call returns, and how surely numbers."""
    match value:
        case ast.Dict(keys=[_, *_]):
            return _entries(Numbers(facts.vocabulary, {}), value, {})
        case ast.Call(func=ast.Name(id="dict"), args=[ast.Subscript(value=ast.Call())]):
            return _SHOWN_WHEN_RUN  # a framework's own
        case ast.Call(
            func=ast.Name(id="dict"),
            args=[ast.Call(func=ast.Attribute(value=ast.Name(), attr="evaluate"))],
        ):
            return _SHOWN_WHEN_RUN
        case ast.IfExp(test=ast.Call(func=ast.Name(id="isinstance")), orelse=ast.Dict()):
            return _SHOWN_WHEN_RUN
        case ast.Call(func=ast.Name(id=name)) if name in facts.vocabulary.functions:
            return _entries_returned(facts, facts.vocabulary.functions[name], depth)
        case ast.Call(func=ast.Attribute(attr=name)):
            method = facts.vocabulary.methods.get(name)
            return _entries_returned(facts, method, depth) if method is not None else {}
    return {}


_SHOWN_WHEN_RUN = {"": Surety.LIKELY}


def _entries_returned(facts: Facts, function: FunctionDef, depth: int) -> dict[str, Surety]:
    returned = last_returned(function)
    if isinstance(returned, ast.Name):
        returned = _assigned(function, returned.id)
    if isinstance(returned, ast.Dict):
        numbers = Numbers(facts.vocabulary, {})
        return _entries(numbers, returned, numbers.judged(function.body))
    return entries_of(facts, returned, depth + 1) if returned is not None and depth < 5 else {}


def _assigned(function: FunctionDef, name: str) -> ast.expr | None:
    found: ast.expr | None = None
    for node in own_nodes(function.body):
        match node:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                found = value
    return found


def _entries(numbers: Numbers, value: ast.Dict, found: dict[str, Found]) -> dict[str, Surety]:
    entries: dict[str, Surety] = {}
    for key, part in zip(value.keys, value.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return {}
        surety = numbers.surety(part, found)
        is_text = isinstance(part, ast.Attribute) and part.attr in ("__name__", "name")
        entries[key.value] = Surety.NO if is_text else surety
    return entries


_OBJECTS = frozenset({Kind.METRIC, Kind.LOADER, Kind.DATASET, Kind.TRAINER, Kind.OPTIMIZER})


def _numbers(
    facts: Facts, own: Sequence[Statement], role: Role, hidden: frozenset[str]
) -> tuple[tuple[str, ...], bool]:
    body = [node for item in own for node in item.nodes]
    found = Numbers(facts.vocabulary, _kinds(facts, own)).judged(body)
    outside = outside_batches(body, epoch_trainers(facts.vocabulary)) - reset_names(body)
    likely = frozenset(name for item in own for name in item.names.likely)
    for name in _last_of_lists(own) & found.keys():
        found[name].surety = Surety.LIKELY
    objects = {
        name
        for item in own
        for name, kind in facts.fact(item).kinds.items()
        if name in item.names.bound and kind in _OBJECTS
    }
    usable = {
        name: entry
        for name, entry in found.items()
        if name in (outside & likely) - hidden - objects and entry.surety > Surety.NO
    }
    least = Surety.LIKELY
    if role is Role.EVALUATE and not any(entry.surety >= least for entry in usable.values()):
        least = Surety.UNKNOWN
    usable = {name: entry for name, entry in usable.items() if entry.surety >= least}
    return tuple(telling(usable, said_to_be_metrics(body))), least is Surety.UNKNOWN


def _last_of_lists(own: Sequence[Statement]) -> set[str]:
    """`train_loss = losses[-1]`, which nbfed writes where a number was appended; see `recorded`."""
    found: set[str] = set()
    for item in own:
        match item.nodes:
            case (ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript(slice=index)),):
                if item.text and ast.unparse(index) == "-1":
                    found.add(name)
    return found


def _kinds(facts: Facts, own: Sequence[Statement]) -> dict[str, Kind]:
    """Kinds of the names that the statements read, as they are before them."""
    kinds: dict[str, Kind] = {}
    for item in own:
        for name in (*item.names.reads, *item.names.soft_reads):
            before = facts.before(name, item.order)
            if before is not None and name not in kinds:
                kind = facts.fact(before).kinds.get(name)
                if kind is not None:
                    kinds[name] = kind
    return kinds
