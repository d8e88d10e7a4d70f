"""From a notebook with roles to a program: the order of the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nbfed.analyse.facts import Facts, read_facts
from nbfed.analyse.statements import numbered, statements_of
from nbfed.diagnostics import Diagnostic, Location, diagnostic, has_errors
from nbfed.plan import helpers as helper_modules
from nbfed.plan.completed import Completed
from nbfed.plan.completion import data_call, evaluate_call, site_wrappers, train_call
from nbfed.plan.drawing import without_drawing
from nbfed.plan.globals_declared import without_needless_globals
from nbfed.plan.instantiation import model_instance
from nbfed.plan.measuring import evaluation_results
from nbfed.plan.models import evaluated_weights, made_in_training, other_names
from nbfed.plan.programs import program_of
from nbfed.plan.settings import Settings, read_settings
from nbfed.plan.shapes import refused_shapes
from nbfed.plan.strategy import todays_strategy
from nbfed.plan.substitutes import without_widgets
from nbfed.plan.todays_names import todays_names
from nbfed.program import Program
from nbfed.read.notebook import Notebook
from nbfed.roles import Region, Role

Step = Callable[[Facts, Settings], Completed]
# Each step completes the notebook as the ones before it left it.
_STEPS: tuple[Step, ...] = (
    without_drawing,
    without_widgets,
    todays_names,
    without_needless_globals,
    site_wrappers,
    data_call,
    model_instance,
    train_call,
    evaluate_call,
    made_in_training,
    evaluated_weights,
    other_names,
    evaluation_results,
    todays_strategy,
)
_REQUIRED = (Role.MODEL, Role.DATA, Role.TRAIN)


def plan(
    notebook: Notebook, regions: Sequence[Region], helpers: Mapping[str, str]
) -> tuple[Program | None, list[Diagnostic]]:
    """The program of a notebook, or the reasons why there is none.

    ``helpers`` maps POSIX paths of Python files beside the notebook to their text. A notebook
    without one of the roles that a federation needs has no program; ``find_regions`` says so.
    """
    trees = helper_modules.parsed(helpers)
    statements = helper_modules.with_package_imports(
        statements_of(notebook, regions), notebook, helpers
    )
    facts = read_facts(notebook, statements, trees)
    settings, problems = read_settings(facts)
    problems.extend(refused_shapes(facts))
    if not all(facts.of_role(role) for role in _REQUIRED):
        return None, problems
    for step in _STEPS:
        completed = step(facts, settings)
        problems.extend(completed.problems)
        if completed.statements is not facts.statements:
            facts = read_facts(notebook, numbered(completed.statements), trees)
            settings, _ = read_settings(facts)
    problems.extend(_emptied(facts))
    if has_errors(problems):
        return None, problems
    program, found = program_of(facts, settings, helpers)
    problems = _once([*problems, *found])
    return (None if has_errors(problems) else program), problems


def _emptied(facts: Facts) -> list[Diagnostic]:
    """Roles of whose regions nothing is left, once what belongs elsewhere has gone there."""
    return [
        diagnostic(
            "NBF301",
            Location(facts.notebook.file),
            f"the {role} region does nothing of its own",
            f"mark the code that does the work as well: `# nbfed: {role}`",
        )
        for role in (Role.DATA, Role.TRAIN)
        if not facts.of_role(role)
    ]


def _once(problems: Sequence[Diagnostic]) -> list[Diagnostic]:
    """One finding a place and code: two roles that need one statement say the same."""
    return list({(found.code, found.location): found for found in reversed(problems)}.values())[
        ::-1
    ]
