"""Make a stage of a slice."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from nbfed.analyse.facts import Facts
from nbfed.analyse.scopes import import_binding
from nbfed.analyse.statements import Statement, fragments_of
from nbfed.plan.placement import Placement, placed
from nbfed.plan.settings import Settings
from nbfed.plan.slice import Slice
from nbfed.program import Argument, Fragment, Origin, Stage
from nbfed.roles import Role

_ENTRIES = {
    Role.DATA: ("load_data", "load_site_data"),
    Role.MODEL: ("build_model", "make_model"),
    Role.TRAIN: ("train", "train_round"),
    Role.EVALUATE: ("evaluate", "evaluate_model"),
    Role.STRATEGY: ("make_strategy", "build_strategy"),
}
_ORIGIN_ORDER = (Origin.MODEL, Origin.DATA, Origin.SITE, Origin.PARAMS)


def make_stage(
    facts: Facts,
    settings: Settings,
    found: Slice,
    own: Sequence[Statement],
    *,
    results: tuple[str, ...] = (),
    mapping: str = "",
    rebinds_model: bool = False,
    guessed: bool = False,
) -> Stage:
    """Lay out a slice as the stage of its role."""
    numbers = frozenset(item.order for item in own)
    placement = placed(facts, found.ordered, numbers, found.arguments)
    return Stage(
        role=found.role,
        entry=_entry(found, placement),
        arguments=_arguments(facts, found, settings),
        imports=_imports(facts, placement),
        module=fragments_of(placement.module, facts.notebook),
        body=(*_globals(placement), *fragments_of(placement.body, facts.notebook)),
        results=results,
        mapping=mapping,
        rebinds_model=rebinds_model,
        guessed=guessed,
    )


def _entry(found: Slice, placement: Placement) -> str:
    """The usual name of the stage's function, unless the notebook's code has it for itself."""
    taken = set(found.arguments)
    for item in found.ordered:
        taken |= item.names.bound | item.names.deferred.keys() | item.names.reads.keys()
    usual, *others = _ENTRIES[found.role]
    for name in (usual, *others):
        if name not in taken:
            return name
    return f"{usual}_stage"


def _arguments(facts: Facts, found: Slice, settings: Settings) -> tuple[Argument, ...]:
    types = {item.name: item.annotation for item in settings.params}
    types |= {key.name: key.annotation for key in settings.site}
    order = {name: place for place, name in enumerate(types)}
    first = {name: place for place, name in enumerate(facts.in_order(found.arguments))}
    listed = sorted(
        found.arguments.items(),
        key=lambda item: (
            _ORIGIN_ORDER.index(item[1]),
            order.get(item[0], 0),
            first[item[0]],
        ),
    )
    return tuple(
        Argument(name, origin, _type(found.role, origin, types.get(name, "Any")))
        for name, origin in listed
    )


def _type(role: Role, origin: Origin, of_setting: str) -> str:
    if origin in (Origin.PARAMS, Origin.SITE):
        return of_setting
    # All that a model may have from the data is a size.
    return "int" if role is Role.MODEL and origin is Origin.DATA else "Any"


def _imports(facts: Facts, placement: Placement) -> tuple[Fragment, ...]:
    """The import statements, each with the names alone that the stage uses."""
    used: set[str] = set()
    for item in (*placement.module, *placement.body):
        names = item.names
        used |= names.reads.keys() | names.soft_reads.keys() | names.deferred.keys()
    fragments: list[Fragment] = []
    for item in placement.imports:
        (whole,) = fragments_of([item], facts.notebook, comments=False)
        parts = [_narrowed(node, used) for node in item.nodes]
        text = whole.text if None in parts else "\n".join(part for part in parts if part)
        fragments.append(Fragment(whole.cell, whole.line, text))
    return tuple(fragment for fragment in fragments if fragment.text)


def _narrowed(node: ast.stmt, used: set[str]) -> str | None:
    """An import without the names that nobody uses; None where it stays as it is."""
    if not isinstance(node, (ast.Import, ast.ImportFrom)) or len(node.names) == 1:
        return None
    kept = [alias for alias in node.names if import_binding(alias) in used]
    if len(kept) == len(node.names):
        return None
    if not kept:
        return ""
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(kept))
    return ast.unparse(ast.ImportFrom(node.module, kept, node.level))


def _globals(placement: Placement) -> Iterable[Fragment]:
    if not placement.global_names:
        return ()
    first = placement.body[0]
    return (Fragment(first.cell, first.line, f"global {', '.join(placement.global_names)}"),)
