"""Evaluation at the server, on the data that the notebook marks for it: ``data server``.

The notebook is planned as if it were two. For the sites the server's data do not exist, and
neither does evaluation where it needs them. For the server, the same evaluation is given the
server's data in the place of a site's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement, numbered
from nbfed.diagnostics import Diagnostic
from nbfed.plan import gate
from nbfed.plan.helpers import needed_helpers
from nbfed.plan.keeping import exchange_of
from nbfed.plan.metrics import metrics_of
from nbfed.plan.notes import note
from nbfed.plan.programs import imported
from nbfed.plan.rules import Context
from nbfed.plan.settings import Settings
from nbfed.plan.slice import Slice, Slicer
from nbfed.plan.stages import make_stage
from nbfed.program import Origin, Program, ServerEvaluation, Stage
from nbfed.roles import Role

_OPTION = "server"


def is_for_server(statement: Statement) -> bool:
    """Whether a statement makes data that only the server has."""
    return statement.role is Role.DATA and _OPTION in statement.options


def at_sites(statements: Sequence[Statement], *, evaluate: bool) -> tuple[Statement, ...]:
    """The statements without what only the server runs, and without evaluation if not wanted.

    Definitions and imports stay, unmarked: anything may use them.
    """
    kept: list[Statement] = []
    for item in statements:
        if not is_for_server(item) and (evaluate or item.role is not Role.EVALUATE):
            kept.append(item)
        elif item.is_import or item.is_definition:
            kept.append(replace(item, role=None))
    return numbered(kept)


def masked(statements: Sequence[Statement], *, server: bool) -> tuple[Statement, ...]:
    """The statements with only the server's data marked as data, or only the sites'."""
    return tuple(
        replace(item, role=None)
        if item.role is Role.DATA and is_for_server(item) is not server
        else item
        for item in statements
    )


def marked_again(
    completed: Sequence[Statement], before: Sequence[Statement], *, server: bool
) -> tuple[Statement, ...]:
    """``completed`` with the roles that ``masked`` took away; what is new is of the same kind."""
    was = {_place(item): item.role for item in before}
    found: list[Statement] = []
    for item in completed:
        if _place(item) in was:
            found.append(replace(item, role=was[_place(item)]))
        elif server and item.role is Role.DATA:
            found.append(replace(item, options={**item.options, _OPTION: "true"}))
        else:
            found.append(item)
    return numbered(found)


def _place(item: Statement) -> tuple[int, int, str]:
    return item.cell, item.line, item.text


def sites_evaluate(facts: Facts, settings: Settings) -> bool:
    """Whether the sites have all data that the evaluation uses, by their names."""
    evaluation = facts.of_role(Role.EVALUATE)
    needed = _sliced(Context(facts, settings), Role.EVALUATE, evaluation).data
    made = {
        name for item in facts.statements if not is_for_server(item) for name in item.names.bound
    }
    return bool(evaluation) and needed.keys() <= made


def with_evaluation(
    program: Program, facts: Facts, settings: Settings, helpers: Mapping[str, str]
) -> tuple[Program, list[Diagnostic]]:
    """The sites' program with evaluation at the server; ``facts`` are of the whole notebook."""
    context = Context(facts, settings)
    own = tuple(item for item in facts.statements if is_for_server(item))
    found = _sliced(context, Role.EVALUATE, facts.of_role(Role.EVALUATE))
    data = _sliced(context, Role.DATA, own)
    problems = list(_unfit(facts, own, found, data, program.model))
    if problems:
        return program, problems
    metrics = metrics_of(facts, Role.EVALUATE, frozenset(program.model.results))
    evaluate = make_stage(
        facts,
        settings,
        found,
        facts.of_role(Role.EVALUATE),
        results=metrics.names,
        mapping=metrics.mapping,
    )
    results = facts.in_order(found.data)
    load = make_stage(facts, settings, data, own, results=results)
    for part, stage in ((found, evaluate), (data, load)):
        problems += [*part.problems, *gate.check(facts, stage, frozenset(part.unresolved))]
    problems += metrics.problems
    return _joined(program, settings, load, evaluate, helpers), problems


def _sliced(context: Context, role: Role, own: Sequence[Statement]) -> Slice:
    end = max((item.order for item in own), default=-1) + 1
    return Slicer(context.facts, context.judge, role, end).run(own)


def _unfit(
    facts: Facts, own: Sequence[Statement], found: Slice, data: Slice, model: Stage
) -> Iterator[Diagnostic]:
    """Why the evaluation cannot run at the server with the data that it has."""
    evaluation = facts.of_role(Role.EVALUATE)
    if not evaluation:
        hint = "mark the code that evaluates: `# nbfed: evaluate`"
        yield note(facts, "NBF301", own[0], "nothing evaluates on the server's data", hint)
        return
    if exchange_of(facts) not in (("all",), ("trainable",)):
        message = "the server cannot evaluate a model of which a part stays at the sites"
        hint = "let all of it travel, or leave `data server` out"
        yield note(facts, "NBF301", own[0], message, hint)
        return
    made = {name for item in own for name in item.names.bound}
    if not found.data.keys() & made:
        listed = ", ".join(f"`{name}`" for name in found.data) or "no data"
        message = f"the evaluation uses nothing that the server's data region makes, but {listed}"
        hint = "let the region bind the names that the evaluation uses"
        yield note(facts, "NBF301", own[0], message, hint)
        return
    for name in sorted(found.data.keys() - made):
        message = f"the evaluation also uses `{name}`, which no `data server` region makes"
        hint = f"let the server's data region bind `{name}` as well"
        yield note(facts, "NBF301", evaluation[0], message, hint)
    for name in sorted(found.models.keys() - set(model.results)):
        message = f"the evaluation uses `{name}`, a module that is not the one that is trained"
        yield note(facts, "NBF301", evaluation[0], message, "evaluate the model that is trained")
    for item in data.ordered:
        if item.role is Role.DATA and not is_for_server(item) and not facts.fact(item).harmless:
            names = ", ".join(f"`{name}`" for name in sorted(item.names.bound))
            message = f"the server's data are made with the sites' data ({names}), which stay there"
            hint = "make the server's data without them"
            yield note(facts, "NBF301", item, message, hint)


def _joined(
    program: Program, settings: Settings, data: Stage, evaluate: Stage, helpers: Mapping[str, str]
) -> Program:
    sites = [program.data, program.model, program.train]
    sites += [program.evaluate] if program.evaluate else []
    server = [program.model, data, evaluate]
    server += [program.strategy] if program.strategy else []
    here = _site_keys(data, evaluate)
    only_here = here - _site_keys(*sites)
    return replace(
        program,
        site=tuple(key for key in program.site if key.name not in only_here),
        server=ServerEvaluation(
            data, evaluate, tuple(key for key in settings.site if key.name in here)
        ),
        server_imports=imported(server),
        helpers=needed_helpers(_texts(*sites), _texts(*server), helpers),
    )


def _site_keys(*stages: Stage) -> set[str]:
    return {
        argument.name
        for stage in stages
        for argument in stage.arguments
        if argument.origin is Origin.SITE
    }


def _texts(*stages: Stage) -> list[str]:
    return [part.text for stage in stages for part in (*stage.imports, *stage.module, *stage.body)]
