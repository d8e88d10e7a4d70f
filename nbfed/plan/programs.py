"""Slice a completed notebook by roles, and put the program together."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan import advice, conflicts, exposure, gate, seeds, shapes
from nbfed.plan.draws import drawn_anew, drawn_tests
from nbfed.plan.examples import examples_of
from nbfed.plan.globals_declared import assigned_arguments
from nbfed.plan.helpers import needed_helpers
from nbfed.plan.keeping import exchange_of, keep_of, with_kept
from nbfed.plan.lacks import lacking
from nbfed.plan.metrics import metrics_of
from nbfed.plan.relative_imports import relative_imports
from nbfed.plan.rules import Context
from nbfed.plan.settings import Settings
from nbfed.plan.slice import Slice, Slicer
from nbfed.plan.stages import make_stage
from nbfed.plan.strategy import no_strategy, strategy_statement
from nbfed.plan.told_sizes import as_parameters, told
from nbfed.plan.tracked import tracked_settings
from nbfed.program import Origin, Program, Stage
from nbfed.requirements.distributions import SHARED
from nbfed.roles import Role


@dataclass(frozen=True)
class _Part:
    """A role's slice and the statements that it was made from."""

    found: Slice
    own: tuple[Statement, ...]


def program_of(
    facts: Facts, settings: Settings, helpers: Mapping[str, str]
) -> tuple[Program, list[Diagnostic]]:
    """The program of a completed notebook, and all that is to be said about it."""
    context = Context(facts, settings)
    users = [_part(context, role, facts.of_role(role)) for role in _user_roles(facts)]
    slices = [part.found for part in users]
    names, makers = _models(facts, slices)
    model = _part(context, Role.MODEL, makers)
    readers = [*slices, model.found]
    data = _part(context, Role.DATA, _data_statements(facts, readers))
    for name in names:  # training gives back all of the model, what it leaves alone included
        users[0].found.arguments.setdefault(name, Origin.MODEL)
    results = _data_results(facts, data, readers)
    stages = {
        Role.DATA: make_stage(facts, settings, data.found, data.own, results=results),
        Role.MODEL: make_stage(facts, settings, model.found, model.own, results=names),
    }
    problems: list[Diagnostic] = []
    for part in users:
        stage, found = _user_stage(facts, settings, part, names)
        stages[part.found.role] = stage
        problems.extend(found)
    stages[Role.TRAIN], keep, unkept = with_kept(facts, stages[Role.TRAIN], keep_of(facts))
    problems.extend(unkept)
    problems.extend(lacking(facts, slices))
    parts = [*users, data, model]
    strategy = _strategy(context, problems)
    if strategy is not None:
        parts.append(strategy[0])
        stages[Role.STRATEGY] = strategy[1]
    program = Program(
        notebook=facts.notebook.file,
        params=(*settings.params, *as_parameters(model.found.data)),
        site=settings.site,
        data=stages[Role.DATA],
        model=stages[Role.MODEL],
        train=stages[Role.TRAIN],
        evaluate=stages.get(Role.EVALUATE),
        strategy=stages.get(Role.STRATEGY),
        train_examples=examples_of(facts, Role.TRAIN, users[0].found),
        evaluate_examples=(
            examples_of(facts, Role.EVALUATE, users[1].found) if len(users) > 1 else ""
        ),
        seed=seeds.notebook_seed(facts),
        client_imports=imported(stages[role] for role in stages if role is not Role.STRATEGY),
        server_imports=imported(stages[r] for r in stages if r in (Role.MODEL, Role.STRATEGY)),
        pip=tuple(line.requirement for line in facts.notebook.pip),
        helpers=needed_helpers(
            _texts(stages[role] for role in stages if role is not Role.STRATEGY),
            _texts(stages[role] for role in stages if role in (Role.MODEL, Role.STRATEGY)),
            helpers,
        ),
        requires=tuple(line.requirement for line in facts.notebook.requires),
        exchange=exchange_of(facts),
        keep=keep,
    )
    problems.extend(_checked(facts, parts, stages))
    problems.extend(_said(facts, parts, program))
    return program, problems


def _user_roles(facts: Facts) -> list[Role]:
    return [role for role in (Role.TRAIN, Role.EVALUATE) if facts.of_role(role)]


def _part(context: Context, role: Role, own: tuple[Statement, ...]) -> _Part:
    end = max((item.order for item in own), default=-1) + 1
    return _Part(Slicer(context.facts, context.judge, role, end).run(own), own)


def _user_stage(
    facts: Facts, settings: Settings, part: _Part, models: tuple[str, ...]
) -> tuple[Stage, list[Diagnostic]]:
    metrics = metrics_of(facts, part.found.role, frozenset(models))
    stage = make_stage(
        facts,
        settings,
        part.found,
        part.own,
        results=metrics.names,
        mapping=metrics.mapping,
        rebinds_model=any(name in item.names.bound for item in part.own for name in models),
        guessed=not any("metrics" in item.options for item in part.own),
    )
    return stage, list(metrics.problems)


def _data_statements(facts: Facts, users: Sequence[Slice]) -> tuple[Statement, ...]:
    """The data regions' statements, and those that belong to them by what they use."""
    own = {item.order: item for item in facts.of_role(Role.DATA)}
    for user in users:
        own.update(user.adopted)
    return tuple(own[order] for order in sorted(own))


def _data_results(facts: Facts, data: _Part, users: Sequence[Slice]) -> tuple[str, ...]:
    """What the other roles need of the data, and what `examples=` names."""
    names = {name for user in users for name in user.data}
    bound = {name for item in data.own for name in item.names.bound}
    for role in (Role.TRAIN, Role.EVALUATE):
        for item in facts.of_role(role):
            names |= {item.options.get("examples", "")} & bound
    return facts.in_order(names)


def _models(facts: Facts, users: Sequence[Slice]) -> tuple[tuple[str, ...], tuple[Statement, ...]]:
    """The modules that training, and evaluation besides, use, and what makes them last."""
    last: dict[str, Statement] = {}
    for user in users:
        for name, statement in user.models.items():
            last.setdefault(name, statement)
    own = {statement.order: statement for statement in last.values()}
    return facts.in_order(last), tuple(own[order] for order in sorted(own))


def _strategy(context: Context, problems: list[Diagnostic]) -> tuple[_Part, Stage] | None:
    facts = context.facts
    if not facts.of_role(Role.STRATEGY):
        return None
    made = strategy_statement(facts)
    if made is None:
        problems.append(no_strategy(facts))
        return None
    statement, name = made
    part = _part(context, Role.STRATEGY, (statement,))
    return part, make_stage(facts, context.settings, part.found, part.own, results=(name,))


def _checked(
    facts: Facts, parts: Sequence[_Part], stages: Mapping[Role, Stage]
) -> Iterator[Diagnostic]:
    """What is wrong with the slices and the modules made of them."""
    unresolved = frozenset(name for part in parts for name in part.found.unresolved)
    users = [part.found for part in parts if part.found.role in (Role.TRAIN, Role.EVALUATE)]
    for part in parts:
        yield from part.found.problems
        yield from relative_imports(facts, part.found)
        yield from tracked_settings(facts, part.found)
        yield from shapes.waiting(facts, part.found)
        yield from assigned_arguments(facts, part.found)
        yield from conflicts.overwritten_arguments(facts, part.found, part.own)
        if part.found.role is Role.DATA:
            yield from conflicts.rebound_results(facts, part.found, users)
    brought = frozenset(
        name
        for item in facts.statements
        if item.is_import and "*" in {a.name for node in item.nodes for a in _aliases(node)}
        for name in item.names.binds
    )
    for stage in stages.values():
        yield from gate.check(facts, stage, unresolved | brought)


def _aliases(node: ast.stmt) -> list[ast.alias]:
    return node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else []


def _said(facts: Facts, parts: Sequence[_Part], program: Program) -> Iterator[Diagnostic]:
    """What a person should know of a program that compiles."""
    by_role = {part.found.role: part.found for part in parts}
    yield from told(facts, by_role[Role.MODEL].data)
    yield from advice.adopted(facts, [part.found for part in parts])
    yield from advice.fresh_tools(facts, by_role[Role.TRAIN], program.keep)
    yield from advice.writing_trainers(facts, by_role[Role.TRAIN])
    yield from advice.evaluation(facts, by_role.get(Role.EVALUATE), facts.notebook.file)
    yield from advice.leaks(facts, by_role[Role.DATA], program.train_examples)
    yield from drawn_anew(facts, by_role)
    yield from drawn_tests(facts, by_role[Role.DATA])
    yield from advice.competing(facts, [part.found for part in parts])
    yield from seeds.seeds_in_roles(facts)
    yield from exposure.parameters(facts)
    for found in by_role.values():
        yield from exposure.literals(facts, found)
        yield from exposure.environment(facts, found)
        yield from exposure.kept_open(facts, found)
        yield from exposure.outside_world(facts, found)


def _texts(stages: Iterable[Stage]) -> list[str]:
    return [part.text for stage in stages for part in (*stage.imports, *stage.module, *stage.body)]


def imported(stages: Iterable[Stage]) -> tuple[str, ...]:
    """Modules that the stages' code imports, top level, dotted where distributions share it."""
    found: set[str] = set()
    for text in _texts(stages):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found.update(_module(alias.name, "") for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.update(_module(node.module, alias.name) for alias in node.names)
    return tuple(sorted(found))


def _module(name: str, member: str) -> str:
    top = name.partition(".")[0]
    if top not in SHARED:
        return top
    return f"{name}.{member}" if name == top and member else name
