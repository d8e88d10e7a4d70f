"""Find, or write, the statement that makes the model."""

from __future__ import annotations

import ast

from nbfed.analyse.bodies import module_parameters
from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.scopes import Bindings
from nbfed.analyse.statements import Statement, written
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.plan.binding import bind
from nbfed.plan.completed import Completed, inserted, unchanged
from nbfed.plan.functions import entry_function, functions_in, only_defines
from nbfed.plan.notes import note
from nbfed.plan.offers import offers_of
from nbfed.plan.settings import Settings
from nbfed.roles import Role


def model_instance(facts: Facts, settings: Settings) -> Completed:
    """Make the model, where the notebook only says how: from its class or factory."""
    own = facts.of_role(Role.MODEL)
    if any(_makes_model(facts, own, item) for item in facts.statements):
        return unchanged(facts)
    maker = _maker(facts, own)
    if maker is None:
        if not own:
            return unchanged(facts)
        problem = note(
            facts,
            "NBF301",
            own[-1],
            "the model region makes no torch module",
            "assign it to a name in this region: `model = Net()`",
        )
        return unchanged(facts, problem)
    statement, name, constructor = maker
    variable = _variable(facts) or "model"
    call = next((item.options["call"] for item in own if "call" in item.options), "")
    at = _place(facts, statement)
    if call or constructor is None:
        call = call or f"{name}()"
    else:
        binding = bind(constructor, Role.MODEL, offers_of(facts, at), ())
        if binding.missing or binding.ties:
            missing = (*binding.missing, *binding.ties)
            problem = note(
                facts,
                "NBF301",
                statement,
                f"nothing says what to give `{name}` for `{missing[0]}`",
                f"make the model in this region: `{variable} = {name}(...)`, or say how: "
                f'`# nbfed: model call="{name}({missing[0]}=...)"`',
            )
            return unchanged(facts, problem)
        call = f"{name}({', '.join(binding.arguments)})"
    new = written(f"{variable} = {call}", statement, Role.MODEL)
    return Completed(inserted(facts, at, new))


def _makes_model(facts: Facts, own: tuple[Statement, ...], statement: Statement) -> bool:
    """Whether a statement makes a module: a role's own, or one of the region's own class."""
    kinds = facts.fact(statement).kinds
    if not any(kinds.get(name) is Kind.MODULE for name in statement.names.bound):
        return False
    defined = {name for item in own if item.is_definition for name in item.names.bound}
    roles = (Role.MODEL, Role.TRAIN, Role.DATA)
    return statement.role in roles or bool(defined & statement.names.reads.keys()) or not defined


def _place(facts: Facts, statement: Statement) -> int:
    for role in (Role.TRAIN, Role.EVALUATE):
        if not only_defines(facts, role):
            for item in facts.of_role(role):
                return max(item.order, statement.order + 1)
    return len(facts.statements)


def _maker(
    facts: Facts, own: tuple[Statement, ...]
) -> tuple[Statement, str, FunctionDef | None] | None:
    """The class or factory of the model region that makes the whole model."""
    wanted = next((item.options["name"] for item in own if "name" in item.options), None)
    classes = [
        (item, node)
        for item in own
        for node in item.nodes
        if isinstance(node, ast.ClassDef)
        and facts.vocabulary.module_class(node.name)
        and not facts.vocabulary.loss_class(node.name)
    ]
    factories = [
        (item, node)
        for item in own
        for node in functions_in(item)
        if facts.values.returned(node.name) == (Kind.MODULE,)
    ]
    used = {
        part.id
        for item in own
        for node in item.nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and part.id != getattr(node, "name", "")
    }
    for item, node in reversed(factories):
        if wanted in (None, node.name) and (node.name not in used or wanted):
            return item, node.name, node
    for item, class_node in reversed(classes):
        if wanted == class_node.name or (wanted is None and class_node.name not in used):
            return item, class_node.name, _constructor(facts, class_node)
    return None


def _constructor(facts: Facts, node: ast.ClassDef) -> FunctionDef | None:
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return _without_self(part)
    for base in node.bases:
        name = facts.vocabulary.dotted(base) or ""
        if name in facts.vocabulary.classes and name != node.name:
            return _constructor(facts, facts.vocabulary.classes[name])
    return None


def _without_self(function: ast.FunctionDef) -> ast.FunctionDef:
    args = function.args
    trimmed = ast.arguments(
        args.posonlyargs,
        args.args[1:],
        args.vararg,
        args.kwonlyargs,
        args.kw_defaults,
        args.kwarg,
        args.defaults,
    )
    return ast.FunctionDef(
        function.name, trimmed, function.body, function.decorator_list, function.returns
    )


def _variable(facts: Facts) -> str:
    """The name that training uses for the model."""
    for role in (Role.TRAIN, Role.EVALUATE):
        if only_defines(facts, role):
            entry, _ = entry_function(facts, role)
            if entry is not None:
                parameters = module_parameters(entry[1])
                if parameters:
                    return parameters[0]
        name = _read_as_module(facts, role)
        if name:
            return name
    return ""


_METHODS = frozenset({"parameters", "train", "eval", "state_dict", "named_parameters"})


def _read_as_module(facts: Facts, role: Role) -> str:
    """A name that the role reads, that nothing binds, and that it uses as a module."""
    for item in facts.of_role(role):
        free = {**item.names.reads, **item.names.deferred}
        bound = Bindings.of(*item.nodes).names
        for node in item.nodes:
            for part in ast.walk(node):
                match part:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                        unbound = name in free and name not in bound
                        if method in _METHODS and unbound and name not in facts.touching:
                            return name
    return ""
