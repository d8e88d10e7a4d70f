"""A federation with a point's values in place of its own."""

from __future__ import annotations

from typing import Any

import yaml

from nbfed.errors import UsageError
from nbfed.federation.agreement import require_agreement
from nbfed.federation.errors import FederationError
from nbfed.federation.schema import Federation
from nbfed.program import Program
from nbfed.sweep.axes import Point

_OPTIONS = (
    "give each strategy the options that it has: "
    "--set 'strategy=fedavg,{name: fedprox, proximal_mu: 0.1}'"
)


def federation_at(point: Point, federation: Federation, program: Program) -> Federation:
    """The federation with the point's values, checked as a federation.yaml is.

    Raises UsageError that names the point.
    """
    if program.strategy and any(key.startswith("strategy") for key in point.values):
        raise UsageError(
            f"{program.notebook} has a strategy cell, which decides: there is none to vary",
            hint="vary its parameters: --set params.NAME=...",
        )
    values = federation.model_dump(exclude_unset=True, exclude_none=True)
    for key, value in point.values.items():
        _set(values, key, value)
    try:
        # As text, so that all the checks of a file are made.
        changed = Federation.from_text(yaml.safe_dump(values), point.label)
        require_agreement(changed, program, point.label, complete=True)
    except FederationError as error:
        problem = error.problems[0]
        hint = problem.hint
        if any(key.startswith("strategy.") for key in point.values):
            hint = f"{hint}\n{_OPTIONS}".strip()
        raise UsageError(f"--set {point.label}: {problem.message}", hint=hint) from None
    return changed


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    head, _, name = key.partition(".")
    if name:
        below = values.setdefault(head, {})
        values[head] = {**below, name: value}
    elif key == "strategy":
        asked = value if isinstance(value, dict) else {"name": value}
        own = values.get("strategy", {})
        # The file's options are for the file's strategy alone.
        values["strategy"] = own if asked == {"name": own.get("name")} else asked
    else:
        values[key] = value
