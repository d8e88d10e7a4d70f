"""site.yaml: what this site says about itself, on its own machine alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .exits import SiteError

Scalar = str | int | float | bool

_KEYS = ("site", "server", "ca", "threads", "params", "overrides")


@dataclass(frozen=True)
class SiteFile:
    """What site.yaml holds. ``ca`` is absolute; ``params`` and ``overrides`` are Flower's scalars.

    ``params`` are the values of SiteConfig, ``overrides`` those of the notebook's parameters that
    this site sets otherwise than the server.
    """

    site: str = ""
    server: str = ""
    ca: Path | None = None
    threads: int | None = None
    params: dict[str, Scalar] = field(default_factory=dict)
    overrides: dict[str, Scalar] = field(default_factory=dict)


def read_site_file(path: Path) -> SiteFile:
    """Read site.yaml; raises SiteError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise SiteError(
            f"{path} cannot be read ({error.strerror}): name this site's file with --config"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" at line {place.line + 1}" if place else ""
        raise SiteError(f"{path} is not YAML{where}: correct it there") from error
    if not isinstance(content, dict):
        raise SiteError(f"{path} should hold `key: value` lines")
    if unknown := [str(key) for key in content if key not in _KEYS]:
        raise SiteError(f"{path}: unknown key {unknown[0]!r}; there are {', '.join(_KEYS)}")
    threads = content.get("threads")
    if threads is not None and (type(threads) is not int or threads < 1):
        raise SiteError(f"{path}: threads should be a whole number above 0, not {threads!r}")
    ca = content.get("ca")
    return SiteFile(
        site=str(content.get("site") or ""),
        server=str(content.get("server") or ""),
        ca=path.parent.resolve() / str(ca) if ca else None,
        threads=threads,
        params=_scalars(content, "params", path),
        overrides=_scalars(content, "overrides", path),
    )


def node_config(
    site: str, params: Mapping[str, Scalar], overrides: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """Return Flower's configuration of this node, as the client app reads it."""
    ours = {f"param.{name}": value for name, value in overrides.items()}
    return {"site": site, **params, **ours}


def _scalars(content: Mapping[str, object], key: str, path: Path) -> dict[str, Scalar]:
    values = content.get(key) or {}
    if not isinstance(values, dict):
        raise SiteError(f"{path}: {key} should hold `NAME: value` lines")
    scalars: dict[str, Scalar] = {}
    for name, value in values.items():
        if value is None:
            raise SiteError(f"{path}: {key}: {name} has no value: fill it in")
        # Flower's configuration knows scalars only: the rest travels as JSON text.
        scalars[str(name)] = value if isinstance(value, str | int | float) else json.dumps(value)
    return scalars
