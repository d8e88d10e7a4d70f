"""site.yaml: what this site says about itself, on its own machine alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .device import AUTO, is_device
from .exits import SiteError
from .policy import Policy, read_policy

Scalar = str | int | float | bool

_KEYS = ("site", "server", "ca", "threads", "device", "params", "overrides", "policy")


@dataclass(frozen=True)
class SiteFile:
    """What site.yaml holds. ``ca`` is absolute; ``params`` and ``overrides`` are Flower's scalars.

    ``params`` are the values of SiteConfig, ``overrides`` those of the notebook's parameters that
    this site sets otherwise than the server. ``policy`` are this site's own rules.
    """

    site: str = ""
    server: str = ""
    ca: Path | None = None
    threads: int | None = None
    device: str = AUTO
    params: dict[str, Scalar] = field(default_factory=dict)
    overrides: dict[str, Scalar] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)


def read_site_file(path: Path, *, filled_in: bool = True) -> SiteFile:
    """Read site.yaml; raises SiteError.

    With ``filled_in``, values that are still to be filled in are an error; else they are left out.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) or {}
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
    device = content.get("device", AUTO)
    if not is_device(device):
        raise SiteError(f"{path}: device should be auto, cpu, cuda or cuda:1, not {device!r}")
    ca = content.get("ca")
    lines = _lines(text, "policy")

    def line_of(rule: str) -> str:
        return f"{path}:{lines.get(rule, lines[''])}"

    return SiteFile(
        site=str(content.get("site") or ""),
        server=str(content.get("server") or ""),
        ca=path.parent.resolve() / str(ca) if ca else None,
        threads=threads,
        device=device,
        params=_scalars(content, "params", path, filled_in),
        overrides=_scalars(content, "overrides", path, filled_in),
        policy=read_policy(content.get("policy"), path.parent.resolve(), line_of),
    )


def node_config(
    site: str, params: Mapping[str, Scalar], overrides: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """Return Flower's configuration of this node, as the client app reads it."""
    ours = {f"param.{name}": value for name, value in overrides.items()}
    return {"site": site, **params, **ours}


def _scalars(
    content: Mapping[str, object], key: str, path: Path, filled_in: bool
) -> dict[str, Scalar]:
    values = content.get(key) or {}
    if not isinstance(values, dict):
        raise SiteError(f"{path}: {key} should hold `NAME: value` lines")
    scalars: dict[str, Scalar] = {}
    for name, value in values.items():
        if value is None and not filled_in:
            continue
        if value is None:
            raise SiteError(f"{path}: {key}: {name} has no value: fill it in")
        # Flower's configuration knows scalars only: the rest travels as JSON text.
        scalars[str(name)] = value if isinstance(value, str | int | float) else json.dumps(value)
    return scalars


def _lines(text: str, key: str) -> dict[str, int]:
    """Return the line of each key below ``key``, and under "" that of ``key`` itself."""
    lines = {"": 1}
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for name, value in root.value if isinstance(root, yaml.MappingNode) else []:
        if name.value != key:
            continue
        lines[""] = name.start_mark.line + 1
        for inner, _ in value.value if isinstance(value, yaml.MappingNode) else []:
            lines[inner.value] = inner.start_mark.line + 1
    return lines
