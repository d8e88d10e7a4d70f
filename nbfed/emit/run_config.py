"""The run configuration that a federation.yaml stands for, as Flower's flat scalars."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbfed.federation.schema import Federation
    from nbfed.program import Program

DEFAULT_SEED = 42

Scalar = str | int | float | bool


def run_config(program: Program, federation: Federation) -> dict[str, Scalar]:
    """Flower's run configuration, keys as in the generated pyproject and settings module.

    What is not a scalar travels as JSON text, since Flower's configuration holds scalars only.
    """
    seed = federation.seed if federation.seed is not None else program.seed
    return {
        "rounds": federation.rounds,
        "seed": DEFAULT_SEED if seed is None else seed,
        "strategy": federation.strategy.name,
        "strategy-options": _json(federation.strategy.options),
        "sites": _json(sorted(federation.sites)),
        "min-sites": federation.min_sites or 0,
        "join-timeout": float(federation.join_timeout),
        "round-timeout": float(federation.round_timeout),
        "evaluate-every": federation.evaluate_every,
        "keep-checkpoints": federation.keep_checkpoints,
        "best-metric": federation.best.metric if federation.best else "",
        "best-mode": federation.best.mode if federation.best else "max",
        "stop-patience": federation.stop.patience if federation.stop else 0,
        "stop-when": federation.stop_when,
        "transport-precision": federation.transport.precision,
        "params": _json(federation.params),
        "server-params": _json(federation.server.params),
        "data-dir": "",
        "run-dir": "",
        "resume": False,
        "engine": "flower",
        "poll-seconds": 0.2,
    }


def as_toml(value: Scalar) -> str:
    """A scalar as TOML: strings, numbers and booleans are written as JSON writes them."""
    return json.dumps(value)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True)
