"""The weights that a run starts from."""

from __future__ import annotations

from typing import NamedTuple

from flwr.app import ArrayRecord

from .exchange import arrays_from, only
from .first_model import EXCHANGE, first_model
from .settings import Settings, SettingsError
from .strategy_options import strategy_key
from .travelling import ALL, buffer_names, normalisation_names, travelling_names


class Weights(NamedTuple):
    """What travels of a model's weights, and which of the names are no parameters but buffers."""

    arrays: ArrayRecord
    buffers: frozenset[str]


def initial_arrays(settings: Settings) -> ArrayRecord:
    """Return the weights that a run starts from; see ``initial_weights``."""
    return initial_weights(settings).arrays


def initial_weights(settings: Settings, *, whole: bool = False) -> Weights:
    """Make the model and return its weights: the same for the same seed, on every engine.

    ``whole`` takes all of them, also those that stay at the sites. Raises SettingsError where
    none would travel.
    """
    model = first_model(settings)
    names = travelling_names(model, (ALL,) if whole else EXCHANGE)
    if not whole and strategy_key(settings.strategy) == "fedbn":
        local = normalisation_names(model)
        if not local & names:
            raise SettingsError(
                "strategy fedbn keeps normalisation layers at the sites, but the model has none: "
                "use fedavg"
            )
        names -= local
    if not names:
        raise SettingsError(
            f"no entry of the model would travel: its names do not match {', '.join(EXCHANGE)}"
        )
    return Weights(only(arrays_from(model), names), buffer_names(model))
