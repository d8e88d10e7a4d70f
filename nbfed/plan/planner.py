"""From a notebook with roles to a program: the order of the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from nbfed.analyse.facts import Facts, read_facts
from nbfed.analyse.statements import Statement, numbered, statements_of
from nbfed.diagnostics import Diagnostic, Location, diagnostic, has_errors
from nbfed.plan import at_server
from nbfed.plan import helpers as helper_modules
from nbfed.plan.apart import kept_apart
from nbfed.plan.completed import Completed
from nbfed.plan.completion import data_call, evaluate_call, site_wrappers, train_call
from nbfed.plan.drawing import without_drawing
from nbfed.plan.globals_declared import without_needless_globals
from nbfed.plan.instantiation import model_instance
from nbfed.plan.loading import loaded_in_training
from nbfed.plan.measuring import evaluation_results
from nbfed.plan.models import evaluated_weights, made_in_training, other_names
from nbfed.plan.named_modules import named_modules
from nbfed.plan.opening import opened_functions
from nbfed.plan.parallel import without_parallel
from nbfed.plan.programs import program_of
from nbfed.plan.recorded import training_record
from nbfed.plan.settings import Settings, read_settings
from nbfed.plan.shapes import refused_shapes
from nbfed.plan.sizes import named_sizes
from nbfed.plan.strategy import todays_strategy
from nbfed.plan.substitutes import without_widgets
from nbfed.plan.todays_names import todays_names
from nbfed.plan.told_sizes import told_sizes
from nbfed.program import Program
from nbfed.read.notebook import Notebook
from nbfed.roles import Region, Role

Step = Callable[[Facts, Settings], Completed]
# Each step completes the notebook as the ones before it left it.
_STEPS: tuple[Step, ...] = (
    opened_functions,
    opened_functions,  # `main` may call the function that makes the model
    without_parallel,
    without_drawing,
    without_widgets,
    todays_names,
    without_needless_globals,
    site_wrappers,
    data_call,
    named_modules,
    model_instance,
    train_call,
    evaluate_call,
    named_sizes,
    made_in_training,
    loaded_in_training,
    evaluated_weights,
    other_names,
    kept_apart,
    told_sizes,
    evaluation_results,
    training_record,
    todays_strategy,
)
_REQUIRED = (Role.MODEL, Role.DATA, Role.TRAIN)


def plan(
    notebook: Notebook,
    regions: Sequence[Region],
    helpers: Mapping[str, str],
    given: Mapping[str, object] | None = None,
) -> tuple[Program | None, list[Diagnostic]]:
    """The program of a notebook, or the reasons why there is none.

    ``helpers`` maps POSIX paths of Python files beside the notebook to their text, ``given``
    parameters to the values that federation.yaml has for them. A notebook without one of the
    roles that a federation needs has no program, unless its training region holds the rest;
    ``find_regions`` says so.
    """
    statements = helper_modules.with_package_imports(
        statements_of(notebook, regions), notebook, helpers
    )
    # The server's own data come before any site is there to be asked.
    own = any(map(at_server.is_for_server, statements))
    planner = _Planner(notebook, helpers, given, asks_sites=not own)
    if own and _has_required(statements):
        return planner.with_server(statements)
    return planner.planned(statements)


@dataclass(frozen=True)
class _Planner:
    """What all statements of a notebook are planned with; see ``plan``."""

    notebook: Notebook
    helpers: Mapping[str, str]
    given: Mapping[str, object] | None
    asks_sites: bool

    def planned(self, statements: tuple[Statement, ...]) -> tuple[Program | None, list[Diagnostic]]:
        program, problems = self._attempted(statements)
        if program is None and not _has_required(statements):
            # `find_regions` names the roles that are missing; what follows from that is noise.
            _, _, problems = self._completed(statements, ())
        return program, _once(problems)

    def _attempted(
        self, statements: tuple[Statement, ...]
    ) -> tuple[Program | None, list[Diagnostic]]:
        facts, settings, problems = self._completed(statements, _STEPS)
        if facts is None or has_errors(problems):
            return None, problems
        program, found = program_of(facts, settings, self.helpers)
        problems = [*problems, *found]
        return (None if has_errors(problems) else program), problems

    def with_server(
        self, statements: tuple[Statement, ...]
    ) -> tuple[Program | None, list[Diagnostic]]:
        """Plan a notebook that has data for the server: the sites' part, and the server's."""
        steps = [self._data_calls if step is data_call else step for step in _STEPS]
        facts, settings, found = self._completed(statements, steps)
        if facts is None or has_errors(found):
            return None, _once(found)
        evaluate = at_server.sites_evaluate(facts, settings)
        program, problems = self.planned(at_server.at_sites(statements, evaluate=evaluate))
        if program is None:
            return None, problems
        # That the sites evaluate nothing is what the marking says.
        problems = [found for found in problems if evaluate or found.code != "NBF313"]
        program, found = at_server.with_evaluation(program, facts, settings, self.helpers)
        problems = _once([*problems, *found])
        return (None if has_errors(problems) else program), problems

    def _completed(
        self, statements: tuple[Statement, ...], steps: Sequence[Step]
    ) -> tuple[Facts | None, Settings, list[Diagnostic]]:
        """The notebook after ``steps``; None where they leave it without a role it needs.

        A training region may hold all: the steps take the data and the model out of it.
        """
        trees = helper_modules.parsed(self.helpers)
        facts = read_facts(self.notebook, statements, trees)
        settings, problems = self._settings(facts)
        problems.extend(refused_shapes(facts))
        if not facts.of_role(Role.TRAIN):
            return None, settings, problems
        required = _has_required(statements)
        for step in steps:
            completed = step(facts, settings)
            problems.extend(completed.problems)
            if completed.statements is not facts.statements:
                facts = read_facts(self.notebook, numbered(completed.statements), trees)
                settings, _ = self._settings(facts)
        if not required and not _has_required(facts.statements):
            return None, settings, problems
        problems.extend(_emptied(facts))
        return facts, settings, problems

    def _settings(self, facts: Facts) -> tuple[Settings, list[Diagnostic]]:
        settings, problems = read_settings(facts, self.given)
        return replace(settings, asks_sites=self.asks_sites), problems

    def _data_calls(self, facts: Facts, settings: Settings) -> Completed:
        """Call the functions that load data, the sites' and the server's each by themselves."""
        trees = helper_modules.parsed(self.helpers)
        found: list[Diagnostic] = []
        whole = facts.statements
        for server in (False, True):
            alone = read_facts(self.notebook, at_server.masked(whole, server=server), trees)
            if alone.of_role(Role.DATA):
                done = data_call(alone, settings)
                whole = at_server.marked_again(done.statements, whole, server=server)
                found.extend(done.problems)
        return Completed(whole, tuple(found))


def _has_required(statements: Sequence[Statement]) -> bool:
    """Whether there is a region of each role that a federation needs."""
    return {item.role for item in statements} >= set(_REQUIRED)


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
