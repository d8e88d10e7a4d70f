"""What the notebook's code may ask for at this site, besides data and model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from .overrides import filled, overridden
from .params import Params
from .site_config import SiteConfig

_OURS = "param."


@dataclass(frozen=True)
class Given:
    """The notebook's parameters, and what only this site knows.

    ``node`` is Flower's configuration of this node, ``server`` the server's values for parameters.
    Both are read when they are asked for: a model can be made where nobody knows the data's paths.
    """

    node: Mapping[str, Any]
    server: Mapping[str, Any]

    @cached_property
    def params(self) -> Params:
        """The server's values come before the notebook's own, this site's before both.

        Raises OverrideError for a value that the notebook has no parameter for.
        """
        ours = {
            key.removeprefix(_OURS): value
            for key, value in self.node.items()
            if key.startswith(_OURS)
        }
        params = overridden(Params(), self.server, source="the server")
        return overridden(params, ours, source="this site")

    @cached_property
    def config(self) -> SiteConfig:
        """The values of site.yaml; raises OverrideError where one is missing."""
        names = [field.name for field in fields(SiteConfig) if field.name in self.node]
        return filled(SiteConfig, {name: self.node[name] for name in names}, source="this site")
