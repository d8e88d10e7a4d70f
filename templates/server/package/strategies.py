"""Strategies by name: Flower's own, and three that it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy import Strategy

from .fednova import FedNova
from .scaffold import Scaffold
from .settings import SettingsError
from .strategy_options import StrategyError, checked_options, strategy_key

_CLASSES: dict[str, type[flower.FedAvg]] = {
    "fedavg": flower.FedAvg,
    "fedavgm": flower.FedAvgM,
    "fedadam": flower.FedAdam,
    "fedyogi": flower.FedYogi,
    "fedadagrad": flower.FedAdagrad,
    "fedprox": flower.FedProx,
    "fedmedian": flower.FedMedian,
    "fedtrimmedavg": flower.FedTrimmedAvg,
    "krum": flower.Krum,
    "multikrum": flower.MultiKrum,
    "bulyan": flower.Bulyan,
    "qfedavg": flower.QFedAvg,
    "scaffold": Scaffold,
    # What FedBN (Li et al. 2021, arXiv:2102.07623) averages it averages as FedAvg does; that the
    # normalisation layers do not travel is seen to where the initial weights are made.
    "fedbn": flower.FedAvg,
    "fednova": FedNova,
}


def make_strategy(name: str, options: Mapping[str, Any], sites: int = 0) -> Strategy:
    """Make the strategy; raises SettingsError for a name, an option or a value it has not.

    ``sites`` is how many take part, 0 where that is not known.
    """
    try:
        given: dict[str, Any] = checked_options(name, options, sites)
        made = _CLASSES[strategy_key(name)]
        # How many sites a round needs is the run's business (min-sites): Flower would wait
        # without end for the numbers that it has by default.
        return made(min_train_nodes=1, min_evaluate_nodes=1, min_available_nodes=1, **given)
    except StrategyError as error:
        raise SettingsError(str(error)) from error
