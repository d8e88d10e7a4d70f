"""Flower's strategies by name, each with the options that it has, checked before the run."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy import Strategy

from .settings import SettingsError

# The name in federation.yaml, Flower's class, and its own options. All of them also take
# `fraction_train`, the share of the sites that a round trains.
_STRATEGIES: dict[str, tuple[type[flower.FedAvg], tuple[str, ...]]] = {
    "fedavg": (flower.FedAvg, ()),
    "fedavgm": (flower.FedAvgM, ("server_learning_rate", "server_momentum")),
    "fedadam": (flower.FedAdam, ("eta", "eta_l", "beta_1", "beta_2", "tau")),
    "fedyogi": (flower.FedYogi, ("eta", "eta_l", "beta_1", "beta_2", "tau")),
    "fedadagrad": (flower.FedAdagrad, ("eta", "eta_l", "tau")),
    "fedprox": (flower.FedProx, ("proximal_mu",)),
    "fedmedian": (flower.FedMedian, ()),
    "fedtrimmedavg": (flower.FedTrimmedAvg, ("beta",)),
    "krum": (flower.Krum, ("num_malicious_nodes",)),
    "multikrum": (flower.MultiKrum, ("num_malicious_nodes", "num_nodes_to_select")),
    "bulyan": (flower.Bulyan, ("num_malicious_nodes",)),
    "qfedavg": (flower.QFedAvg, ("client_learning_rate", "q", "train_loss_key")),
}
_SHARED = ("fraction_train",)


def make_strategy(name: str, options: Mapping[str, Any]) -> Strategy:
    """Make the strategy; raises SettingsError for a name, an option or a value it has not."""
    key = name.lower().replace("-", "").replace("_", "")
    if key not in _STRATEGIES:
        raise SettingsError(_unknown(f"strategy {name!r}", key, sorted(_STRATEGIES)))
    made, own = _STRATEGIES[key]
    given = {option.replace("-", "_"): value for option, value in options.items()}
    for option in given:
        if option not in own + _SHARED:
            known = sorted(own + _SHARED)
            raise SettingsError(_unknown(f"option {option!r} of {key}", option, known))
    _check_values(key, made, given)
    try:
        # How many sites a round needs is the run's business (min-sites): Flower would wait
        # without end for the numbers that it has by default.
        return made(min_train_nodes=1, min_evaluate_nodes=1, min_available_nodes=1, **given)
    except ValueError as error:
        raise SettingsError(f"strategy {key}: {error}") from error


def _check_values(key: str, made: type[flower.FedAvg], given: Mapping[str, object]) -> None:
    parameters = inspect.signature(made).parameters
    for option in parameters.keys() - given.keys():
        if parameters[option].default is inspect.Parameter.empty:
            raise SettingsError(f"strategy {key} needs the option {option!r}")
    for option, value in given.items():
        default = parameters[option].default
        wanted = float if default is inspect.Parameter.empty else type(default)
        accepted = (int, float) if wanted is float else (wanted,)
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise SettingsError(
                f"option {option!r} of {key} is {value!r}, but should be a {wanted.__name__}"
            )
    fraction = given.get("fraction_train", 1.0)
    if not isinstance(fraction, int | float) or not 0 < fraction <= 1:
        raise SettingsError(f"option 'fraction_train' is {fraction!r}, but should be in (0, 1]")


def _unknown(what: str, word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    guess = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown {what}{guess}; there are: {', '.join(known)}"
