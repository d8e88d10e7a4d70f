"""From a notebook with roles to a program: the order of the steps."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from nbfed.analyse.notebook_facts import Facts, read_facts
from nbfed.analyse.statements import Statement, numbered, statements_of
from nbfed.diagnostics import Diagnostic, Location, diagnostic, has_errors
from nbfed.notebook import Notebook
from nbfed.plan import gate
from nbfed.plan.completion import data_call, evaluate_call, site_wrappers, train_call
from nbfed.plan.drawing import without_drawing
from nbfed.plan.examples import examples_of
from nbfed.plan.instantiation import model_instance
from nbfed.plan.measuring import evaluation_results
from nbfed.plan.metrics import metrics_of
from nbfed.plan.models import evaluated_weights, made_in_training, other_names
from nbfed.plan.rules import Context
from nbfed.plan.settings import Settings, read_settings
from nbfed.plan.slice import Slice, Slicer
from nbfed.plan.stages import make_stage
from nbfed.program import Program, Stage
from nbfed.roles import Region, Role

# Each step completes the notebook as the ones before it left it.
_STEPS = (
    without_drawing,
    site_wrappers,
    data_call,
    model_instance,
    train_call,
    evaluate_call,
    made_in_training,
    evaluated_weights,
    other_names,
    evaluation_results,
)
_REQUIRED = (Role.MODEL, Role.DATA, Role.TRAIN)


def plan(
    notebook: Notebook, regions: Sequence[Region], helpers: Mapping[str, str]
) -> tuple[Program | None, list[Diagnostic]]:
    """The program of a notebook, or the reasons why there is none.

    ``helpers`` maps POSIX paths of Python files beside the notebook to their text.
    """
    facts = read_facts(notebook, statements_of(notebook, regions))
    problems = missing_roles(notebook, regions)
    settings, found = read_settings(facts)
    problems.extend(found)
    if has_errors(missing_roles(notebook, regions)):
        return None, problems
    for step in _STEPS:
        completed = step(facts, settings)
        problems.extend(completed.problems)
        if completed.statements is not facts.statements:
            facts = read_facts(notebook, numbered(completed.statements))
            settings, _ = read_settings(facts)
    if has_errors(problems):
        return None, problems
    program, found = _program(facts, settings)
    problems.extend(found)
    return (None if has_errors(problems) else program), problems


def missing_roles(notebook: Notebook, regions: Sequence[Region]) -> list[Diagnostic]:
    """The roles that a federation cannot do without."""
    present = {region.role for region in regions}
    return [
        diagnostic(
            "NBF110",
            Location(notebook.file),
            f"no cell has the role `{role}`",
            f"tag a cell `nbfed:{role}`, or write `# nbfed: {role}` above its code",
        )
        for role in _REQUIRED
        if role not in present
    ]


def _program(facts: Facts, settings: Settings) -> tuple[Program, list[Diagnostic]]:
    context = Context(facts, settings)
    train = sliced(context, Role.TRAIN, facts.of_role(Role.TRAIN))
    evaluate = None
    if facts.of_role(Role.EVALUATE):
        evaluate = sliced(context, Role.EVALUATE, facts.of_role(Role.EVALUATE))
    users = [item for item in (train, evaluate) if item is not None]
    data_own = _data_statements(facts, users)
    data = sliced(context, Role.DATA, data_own)
    model_names, model_own = _models(facts, users)
    model = sliced(context, Role.MODEL, model_own)
    slices = [*users, data, model]
    problems = [problem for item in slices for problem in item.problems]
    results = facts.in_order({name for item in users for name in item.data})
    stages: dict[Role, Stage] = {
        Role.DATA: make_stage(facts, settings, data, data_own, results=results),
        Role.MODEL: make_stage(facts, settings, model, model_own, results=model_names),
    }
    metrics = metrics_of(facts, Role.TRAIN, frozenset(model_names))
    problems.extend(metrics.problems)
    stages[Role.TRAIN] = make_stage(
        facts,
        settings,
        train,
        facts.of_role(Role.TRAIN),
        results=metrics.names,
        mapping=metrics.mapping,
        rebinds_model=any(
            name in item.names.bound for item in facts.of_role(Role.TRAIN) for name in model_names
        ),
    )
    if evaluate is not None:
        metrics = metrics_of(facts, Role.EVALUATE, frozenset(model_names))
        problems.extend(metrics.problems)
        stages[Role.EVALUATE] = make_stage(
            facts,
            settings,
            evaluate,
            facts.of_role(Role.EVALUATE),
            results=metrics.names,
            mapping=metrics.mapping,
        )
    unresolved = frozenset(name for item in slices for name in item.unresolved)
    for stage in stages.values():
        problems.extend(gate.check(facts, stage, unresolved))
    program = Program(
        notebook=facts.notebook.file,
        params=settings.params,
        site=settings.site,
        data=stages[Role.DATA],
        model=stages[Role.MODEL],
        train=stages[Role.TRAIN],
        evaluate=stages.get(Role.EVALUATE),
        train_examples=examples_of(facts, Role.TRAIN, train),
        evaluate_examples=examples_of(facts, Role.EVALUATE, evaluate) if evaluate else "",
        client_imports=imported(stages.values()),
        server_imports=imported([stages[Role.MODEL]]),
        pip=tuple(line.requirement for line in facts.notebook.pip),
    )
    return program, problems


def sliced(context: Context, role: Role, own: Sequence[Statement]) -> Slice:
    """The slice of a role's own statements."""
    end = max((item.order for item in own), default=-1) + 1
    return Slicer(context.facts, context.judge, role, end).run(own)


def _data_statements(facts: Facts, users: Sequence[Slice]) -> tuple[Statement, ...]:
    """The data regions' statements, and those that belong to them by what they use."""
    own = {item.order: item for item in facts.of_role(Role.DATA)}
    for user in users:
        own.update(user.adopted)
    return tuple(own[order] for order in sorted(own))


def _models(
    facts: Facts, users: Sequence[Slice]
) -> tuple[tuple[str, ...], tuple[Statement, ...]]:
    """The modules that training, and evaluation besides, use, and what makes them last."""
    last: dict[str, Statement] = {}
    for user in users:
        for name, statement in user.models.items():
            last.setdefault(name, statement)
    own = {statement.order: statement for statement in last.values()}
    return facts.in_order(last), tuple(own[order] for order in sorted(own))


def imported(stages: Sequence[Stage] | object) -> tuple[str, ...]:
    """Top-level modules that the stages' code imports, inner imports included."""
    found: set[str] = set()
    for stage in stages:  # type: ignore[attr-defined]
        for fragment in (*stage.imports, *stage.module, *stage.body):
            for node in ast.walk(ast.parse(fragment.text)):
                if isinstance(node, ast.Import):
                    found.update(alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.partition(".")[0])
    return tuple(sorted(found))
