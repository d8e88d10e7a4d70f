"""What is said where a role cannot have a statement that it needs."""

from __future__ import annotations

import ast

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note, place
from nbfed.plan.sizes import size_wanted
from nbfed.plan.slice import Need
from nbfed.plan.tracked import starts_run, tracked
from nbfed.roles import Role


def impure(facts: Facts, role: Role, need: Need, found: Statement) -> Diagnostic:
    """An unmarked statement does more than define."""
    if "get_ipython" in found.names.reads:
        return note(
            facts,
            "NBF103",
            found,
            f"`{role}` needs `{need.name}`, the result of a magic or shell line",
            f"write it in Python, or give `{need.name}` the role `site`",
        )
    effect = facts.purity.first_effect(found)
    if starts_run(facts, effect):
        return tracked(facts, role, found, effect)
    return note(
        facts,
        "NBF203",
        found,
        f"`{role}` needs `{need.name}` ({place(need.reader)}), and this "
        f"{f'statement of `{found.role}`' if found.role else 'unmarked statement'} "
        f"{_what(facts, effect)}",
        "put a line above it: `# nbfed: data` (each site runs it once), `# nbfed: site` (each "
        "site sets the value), `# nbfed: include` (copied where it is needed) or, for a plain "
        "number or text, `# nbfed: params`",
        effect,
    )


def _what(facts: Facts, effect: ast.AST) -> str:
    match effect:
        case ast.Call():
            name = facts.vocabulary.dotted(effect.func) or ast.unparse(effect.func)
            return f"calls `{name if len(name) <= 60 else name[:57] + '...'}`"
        case ast.With() | ast.AsyncWith():
            return "opens something"
        case ast.For() | ast.While() | ast.AsyncFor():
            return "is a loop that does more than define"
        case _:
            return "does more than define"


def server_needs_site(facts: Facts, role: Role, need: Need, found: Statement) -> Diagnostic:
    """What runs at the server too cannot use what differs per site."""
    return note(
        facts,
        "NBF314",
        need.reader,
        f"the {role} needs `{need.name}`, which differs per site ({place(found)})",
        f"the server makes the {role}: give `{need.name}` the role `params`",
        need.node,
    )


def server_needs_data(facts: Facts, role: Role, need: Need, found: Statement) -> Diagnostic:
    """What runs at the server too cannot use a site's data."""
    name, text = size_wanted(facts, need.reader, need.node, need.name)
    shown = f"`{text}`" if text == name else f"`{text}`, as `{name}`"
    return note(
        facts,
        "NBF314",
        need.reader,
        f"the {role} needs `{need.name}`, which is made from a site's data ({place(found)}), and "
        "the server has none",
        f"give {shown}: add to federation.yaml `params: {{{name}: 6}}`, with your value",
        need.node,
    )


def needs_model(facts: Facts, role: Role, need: Need, found: Statement) -> Diagnostic:
    """Data are loaded, and the strategy is made, without a model."""
    return note(
        facts,
        "NBF213",
        need.reader,
        f"`{role}` needs `{need.name}`, a model ({place(found)}), and runs without one",
        "move the statement into the train or evaluate region",
        need.node,
    )


def made_with_model(
    facts: Facts, role: Role, need: Need, found: Statement, model: str
) -> Diagnostic:
    """One statement makes the model and something else that training needs."""
    return note(
        facts,
        "NBF213",
        found,
        f"`{role}` needs `{need.name}`, and this statement makes the model `{model}` with it; "
        "training gets its model from the federation",
        f"make `{need.name}` in a statement of its own, after the model",
    )


def skipped(facts: Facts, role: Role, need: Need, found: Statement) -> Diagnostic:
    """The one definition is in a region that is never used."""
    return note(
        facts,
        "NBF207",
        need.reader,
        f"`{role}` needs `{need.name}`, which only {place(found)} defines, and that is `skip`",
        f"remove `skip` from cell {found.cell}, or mark the statement `# nbfed: include`",
        need.node,
    )


def made_elsewhere(
    facts: Facts, role: Role, need: Need, found: Statement, owner: Role
) -> Diagnostic:
    """A value that only another role computes."""
    return note(
        facts,
        "NBF213",
        need.reader,
        f"`{role}` reads `{need.name}`, which `{owner}` computes ({place(found)})",
        f"compute `{need.name}` in the {role} region, or remove this use",
        need.node,
    )


def change_left_out(facts: Facts, need: Need, found: Statement) -> Diagnostic:
    """A bare call may change an object that is used."""
    return note(
        facts,
        "NBF206",
        found,
        f"this call may change `{need.name}`, used in {place(need.reader)}; it is left out",
        "mark it `# nbfed: include` to keep it, `# nbfed: skip` if it does not matter",
    )
