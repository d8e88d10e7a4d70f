"""The settings of one run: read from Flower's run configuration, checked before anything starts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .condition import Condition
from .defaults import (
    ADDRESS,
    CLIENT_DIGEST,
    DISTRIBUTION,
    HAS_EVALUATE,
    NAME,
    RUN_CONFIG,
    SERVER_EVALUATES,
)

__all__ = [
    "ADDRESS",
    "CLIENT_DIGEST",
    "DISTRIBUTION",
    "HAS_EVALUATE",
    "NAME",
    "SERVER_EVALUATES",
    "Settings",
    "SettingsError",
]

Scalar = str | int | float | bool

# Keys whose value is JSON text in the run configuration, and what it must hold.
_JSON: dict[str, type] = {
    "strategy-options": dict,
    "sites": list,
    "params": dict,
    "server-params": dict,
}
_LEAST = {
    "rounds": 1,
    "min-sites": 0,
    "evaluate-every": 0,
    "keep-checkpoints": 1,
    "stop-patience": 0,
}
FULL, HALF = "full", "half"
_ABOVE_ZERO = ("join-timeout", "round-timeout", "poll-seconds")


class SettingsError(ValueError):
    """A setting that cannot be used, in one line that names it."""


@dataclass(frozen=True)
class Settings:
    """What a run is asked to do. Timeouts and ``poll_seconds`` are in seconds.

    ``sites`` are the names expected, () for any; ``min_sites`` 0 stands for all of them.
    ``evaluate_every`` 0 evaluates the final weights alone. ``run_dir`` "" makes a new folder; with
    ``resume`` it holds the run that goes on. ``stop_patience`` counts evaluations without a better
    ``best_metric``; 0 and "" ask for nothing. ``server_params`` are the server's values for the
    notebook's site cells, if it evaluates, and ``data_dir`` is where relative paths start.
    ``transport_precision`` "half" lets weights of float32 travel as float16.
    """

    rounds: int
    seed: int
    strategy: str
    strategy_options: dict[str, object]
    sites: tuple[str, ...]
    min_sites: int
    join_timeout: float
    round_timeout: float
    params: dict[str, object]
    server_params: dict[str, object]
    data_dir: str
    evaluate_every: int
    keep_checkpoints: int
    best_metric: str
    best_mode: str
    stop_patience: int
    stop_when: str
    transport_precision: str
    run_dir: str
    resume: bool
    engine: str
    poll_seconds: float

    @property
    def needed(self) -> int:
        """How many sites a round needs."""
        return self.min_sites or len(self.sites) or 1

    @classmethod
    def from_run_config(cls, config: Mapping[str, Scalar] | None = None) -> Settings:
        """Read ``config`` over the build's defaults; raises SettingsError.

        Keys are spelled as in Flower's run configuration, with hyphens.
        """
        given = dict(config or {})
        if unknown := sorted(given.keys() - RUN_CONFIG.keys()):
            known = ", ".join(sorted(RUN_CONFIG))
            raise SettingsError(f"unknown setting {unknown[0]!r}; there are: {known}")
        values = {
            _attribute(key): _read(key, given.get(key, default))
            for key, default in RUN_CONFIG.items()
        }
        settings = cls(**values)
        if settings.sites and settings.min_sites > len(settings.sites):
            raise SettingsError(
                f"min-sites is {settings.min_sites}, but only {len(settings.sites)} sites are "
                "expected"
            )
        if settings.transport_precision not in (FULL, HALF):
            raise SettingsError(
                f"transport-precision is {settings.transport_precision!r}, but should be full or "
                "half"
            )
        settings._check_stopping()
        return settings

    def _check_stopping(self) -> None:
        if self.best_mode not in ("max", "min"):
            raise SettingsError(f"best-mode is {self.best_mode!r}, but should be max or min")
        if self.stop_patience and not self.best_metric:
            raise SettingsError("stop-patience needs best-metric: which one should get better?")
        if self.stop_when:
            try:
                Condition.parse(self.stop_when)
            except ValueError as error:
                raise SettingsError(f"stop-when: {error}") from error
        evaluates = HAS_EVALUATE or SERVER_EVALUATES
        if evaluates and self.evaluate_every < 1 and (self.best_metric or self.stop_when):
            raise SettingsError(
                "evaluate-every is 0: with best-metric or stop-when, the weights have to be "
                "evaluated on the way"
            )

    def to_run_config(self) -> dict[str, Scalar]:
        """Return the scalars from which ``from_run_config`` makes the same settings."""
        config: dict[str, Scalar] = {}
        for field in fields(self):
            key = field.name.replace("_", "-")
            value = getattr(self, field.name)
            config[key] = json.dumps(value, sort_keys=True) if key in _JSON else value
        return config


def _attribute(key: str) -> str:
    return key.replace("-", "_")


def _read(key: str, value: Scalar) -> Any:
    if key in _JSON:
        return _read_json(key, value)
    default = RUN_CONFIG[key]
    if isinstance(default, str | bool):
        if isinstance(value, type(default)):
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return _number(key, value, whole=isinstance(default, int))
    raise SettingsError(f"{key} is {value!r}, but should be a {type(default).__name__}")


def _number(key: str, value: float, *, whole: bool) -> float:
    if not math.isfinite(value) or (whole and value != int(value)):
        raise SettingsError(f"{key} is {value}, but should be a {'whole ' * whole}number")
    if key in _LEAST and value < _LEAST[key]:
        raise SettingsError(f"{key} is {value}, but should be at least {_LEAST[key]}")
    if key in _ABOVE_ZERO and value <= 0:
        raise SettingsError(f"{key} is {value}, but should be above 0")
    return int(value) if whole else float(value)


def _read_json(key: str, text: Scalar) -> Any:
    wanted = _JSON[key]
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except json.JSONDecodeError as error:
        raise SettingsError(f"{key} is not JSON: {error}") from error
    if not isinstance(value, wanted):
        shape = "an object" if wanted is dict else "a list"
        raise SettingsError(f"{key} should hold JSON for {shape}, not {text!r}")
    return _site_names(value) if key == "sites" else value


def _site_names(value: Any) -> tuple[str, ...]:
    names = [name for name in value if isinstance(name, str) and name]
    if len(names) != len(value) or len(set(names)) != len(names):
        raise SettingsError(f"sites should be different names, not {value!r}")
    # The order of sites is the order of their names, everywhere: sums depend on it.
    return tuple(sorted(names))
