"""The notebook's parameters as this run sets them."""

from __future__ import annotations

from .overrides import OverrideError, overridden
from .params import Params
from .settings import Settings, SettingsError


def params_of(settings: Settings) -> Params:
    """Return the parameters with the run's own values; raises SettingsError."""
    try:
        return overridden(Params(), settings.params, source="params")
    except OverrideError as error:
        raise SettingsError(str(error)) from error
