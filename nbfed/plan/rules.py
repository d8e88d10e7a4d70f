"""The rules of a slice: what becomes of a statement that a role needs.

Each rule looks at one statement and answers with a verdict, or with None where it does not
apply; the first answer counts. To add a rule, write it and put it into ``_RULES``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import TRAINING_TOOLS, Kind
from nbfed.analyse.statements import Statement
from nbfed.plan import refusals
from nbfed.plan.settings import Settings
from nbfed.plan.slice import Need, Slice
from nbfed.plan.told_sizes import is_told
from nbfed.plan.verdict import Argue, Copy, Pass, Refuse, Verdict, Warned
from nbfed.program import Origin
from nbfed.roles import Role

_USERS = (Role.TRAIN, Role.EVALUATE)
_AT_SERVER = (Role.MODEL, Role.STRATEGY)


@dataclass(frozen=True)
class Context:
    """What the rules know: the notebook and its settings."""

    facts: Facts
    settings: Settings

    def judge(self, of: Slice, need: Need, found: Statement) -> Verdict:
        """The verdict of the first rule that applies."""
        for rule in _RULES:
            verdict = rule(self, of, need, found)
            if verdict is not None:
                return verdict
        return Refuse(refusals.impure(self.facts, of.role, need, found))


Rule = Callable[[Context, Slice, Need, Statement], Verdict | None]


def _setting(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    role = context.settings.bound_by.get((found.order, need.name))
    if role is Role.PARAMS:
        return Argue(Origin.PARAMS)
    if role is Role.SITE and of.role in _AT_SERVER:
        return Refuse(refusals.server_needs_site(context.facts, of.role, need, found))
    return Argue(Origin.SITE) if role is Role.SITE else None


def _told(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    """A number that the data give a model: computed with the data, and told to the server."""
    if of.role is not Role.MODEL or not is_told(context.facts, context.settings, need.name, found):
        return None
    if found.role is not Role.DATA:
        of.adopted[found.order] = found
    return Argue(Origin.DATA)


def _own(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    return Copy() if found.role is of.role else None


def _model(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    kind = context.facts.fact(found).kinds.get(need.name)
    if found.is_definition:
        return None
    if kind is not Kind.MODULE:
        return _made_with_model(context, of, need, found)
    if of.role in _USERS:
        # Another name for the same module: one of them is the stage's argument.
        alias = _is_alias(found) and found.role not in _USERS
        return Copy() if alias else Argue(Origin.MODEL)
    if of.role in (Role.DATA, Role.STRATEGY):
        return Refuse(refusals.needs_model(context.facts, of.role, need, found))
    return None


def _is_alias(found: Statement) -> bool:
    """`net = model`, `net = model.to(device)`: no module of its own."""
    match found.nodes:
        case (ast.Assign(targets=[ast.Name(id=name)], value=value),):
            while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                if value.func.attr not in ("to", "cuda", "cpu", "double", "float", "half"):
                    return False
                value = value.func.value
            return isinstance(value, ast.Name) and value.id != name
        case _:
            return False


def _made_with_model(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    """`net, optimizer = get_model()`: the stage has another net than that statement makes."""
    fact = context.facts.fact(found)
    models = [name for name in found.names.bound if fact.kinds.get(name) is Kind.MODULE]
    if not models or of.role not in _USERS or need.name not in found.names.bound:
        return None
    if found.role is of.role:
        return None
    return Refuse(refusals.made_with_model(context.facts, of.role, need, found, models[0]))


def _definition(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    if found.role is Role.SKIP:
        return Refuse(refusals.skipped(context.facts, of.role, need, found))
    return Copy() if found.is_import or found.is_definition else None


def _library_setting(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    """`os.environ[...] = ...` changes a library for one machine; torch's settings are kept."""
    if need.name in found.names.bound or not context.facts.vocabulary.is_imported(need.name):
        return None
    targets = [ast.unparse(t) for n in found.nodes if isinstance(n, ast.Assign) for t in n.targets]
    kept = of.role in _USERS and any(target.startswith("torch.backends.") for target in targets)
    return Copy() if kept else Pass()


def _included(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    return Copy() if found.role is Role.INCLUDE else None


def _data(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    fact = context.facts.fact(found)
    if found.role is not Role.DATA and found.order not in of.adopted:
        return None
    free = fact.harmless and Role.DATA not in fact.origins and found.order not in of.adopted
    if free and (of.role in _AT_SERVER or _is_setting(found, fact.kinds)):
        return Copy()
    if of.role in _USERS:
        return Argue(Origin.DATA)
    if of.role in _AT_SERVER:
        return Refuse(refusals.server_needs_data(context.facts, of.role, need, found))
    return Copy()


def _is_setting(found: Statement, kinds: Mapping[str, Kind]) -> bool:
    """Whether a data region's statement only sets something: a constant, a device, a loss."""
    return not _computes(found) or all(
        kinds.get(name) in TRAINING_TOOLS | {Kind.TRANSFORM} for name in found.names.bound
    )


def _model_region(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    if found.role is not Role.MODEL:
        return None
    return Copy() if of.role is Role.MODEL or context.facts.fact(found).harmless else None


def _other_role(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    """Training's statements that evaluation needs, and the like."""
    role = found.role
    if role not in (Role.TRAIN, Role.EVALUATE, Role.STRATEGY) or role is of.role:
        return None
    if need.name not in found.names.bound:
        return Pass()
    fact = context.facts.fact(found)
    foreign = {Role.TRAIN, Role.EVALUATE} - {of.role}
    if not fact.origins & foreign and (fact.harmless or _is_assignment(found)):
        return Copy()
    if need.name not in found.names.binds and context.facts.before(need.name, found.order):
        return Pass()
    return Refuse(refusals.made_elsewhere(context.facts, of.role, need, found, role))


def _harmless(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    fact = context.facts.fact(found)
    if not fact.harmless:
        return None
    on_data = Role.DATA in fact.origins and not fact.origins & {Role.MODEL}
    tool = any(kind in TRAINING_TOOLS for kind in fact.kinds.values())
    # What is computed of the data is computed once, where they are loaded.
    return None if on_data and not tool and _computes(found) else Copy()


def _computes(statement: Statement) -> bool:
    """Whether it does more than look at a size or an attribute."""
    for node in statement.nodes:
        for part in ast.walk(node):
            match part:
                case ast.For() | ast.ListComp() | ast.DictComp() | ast.SetComp():
                    return True
                case ast.GeneratorExp():
                    return True
                case ast.Call(func=ast.Name(id=name)) if name in _GLANCES:
                    pass
                case ast.Call():
                    return True
    return False


_GLANCES = frozenset({"len", "int", "float", "str", "round", "min", "max", "abs", "range", "list"})


def _loads_data(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    """An unmarked statement that works on the site's data belongs to loading them."""
    fact = context.facts.fact(found)
    if Role.MODEL in fact.origins:
        return None
    if not fact.origins & {Role.DATA, Role.SITE}:
        return None
    if of.role in _AT_SERVER:
        return Refuse(refusals.server_needs_data(context.facts, of.role, need, found))
    of.adopted[found.order] = found
    return Copy() if of.role is Role.DATA else Argue(Origin.DATA)


def _training_tool(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    """What is made from the model can only stand where the model is: at the stage's start."""
    uses_model = Role.MODEL in context.facts.fact(found).origins
    return Copy() if of.role in _USERS and uses_model and _is_assignment(found) else None


def _bare_call(context: Context, of: Slice, need: Need, found: Statement) -> Verdict | None:
    if need.name in found.names.bound or not isinstance(found.node, ast.Expr):
        return None
    if _alters_own_object(context.facts, need.name, found):
        return Copy()
    return Warned(refusals.change_left_out(context.facts, need, found))


def _alters_own_object(facts: Facts, name: str, found: Statement) -> bool:
    """`config.set_width(4)`: a harmless method of an object of the notebook's own class."""
    match found.nodes:
        case (ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner))) as call),):
            makers = [facts.statements[order] for order in facts.touching.get(owner, ())]
        case _:
            return False
    made = [item.node for item in makers if name in item.names.bound]
    match made:
        case [ast.Assign(value=ast.Call(func=ast.Name(id=class_name)))]:
            return owner == name and facts.purity.method(class_name, call)
        case _:
            return False


def _is_assignment(statement: Statement) -> bool:
    return all(
        isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) for node in statement.nodes
    )


_RULES: tuple[Rule, ...] = (
    _setting,
    _told,
    _own,
    _model,
    _definition,
    _library_setting,
    _included,
    _data,
    _model_region,
    _other_role,
    _harmless,
    _loads_data,
    _training_tool,
    _bare_call,
)
