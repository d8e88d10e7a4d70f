"""A federation.yaml to begin with: two example hospitals, and comments on what may be changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import yaml

EXAMPLE_SITES = ("hospitalA", "hospitalB")
_CHANGE_ME = "change-me"
_SECRET_NAME = re.compile(r"pass(word|wd)?|secret|token|key|auth|credential", re.IGNORECASE)
_LONG = re.compile(r"(?=.*\d)\S{20,}")
_FILE_NAME = re.compile(r"[^/\\]*\.\w{1,8}")

_HEAD = """\
# How this federation is run, and who takes part. `nbfed check {notebook}` tells what does not
# fit the notebook, with the line.
name: {name}
notebook: {notebook}

rounds: 3
# Seed of all that is random (default: the notebook's own).
# seed: 42

# A strategy of Flower's and its options, for example {{name: fedprox, proximal_mu: 0.1}}.
strategy: fedavg

# Sites that a round needs (default: all of them).
# min_sites: {sites}
"""
_PARAMS = """
# Sent by the server in every round, instead of the notebook's values.
# params:
{params}
"""
_SITES = """
# {examples} are examples: write the hospitals' own names.
"""
_VALUES = """\
# Under `params` stands what the notebook's `site` cells leave to each hospital. The paths are
# those of this machine, for `nbfed simulate`, from the notebook's folder; a hospital that joins
# from its own machine has its own.
"""


def draft(
    name: str,
    notebook: str,
    *,
    params: Mapping[str, object],
    site_keys: Sequence[str],
    values: Mapping[str, object],
) -> str:
    """The text of a federation.yaml.

    ``notebook`` is the POSIX path from the file's folder, ``params`` the parameters' defaults,
    ``values`` what the notebook itself has for site keys, as far as known.
    """
    text = _HEAD.format(name=_yaml(name), notebook=_yaml(notebook), sites=len(EXAMPLE_SITES))
    settable = [f"#   {_yaml(key)}: {_yaml(params[key])}" for key in params if _fits(params[key])]
    if settable:
        text += _PARAMS.format(params="\n".join(settable))
    text += _SITES.format(examples=" and ".join(EXAMPLE_SITES))
    if site_keys:
        text += _VALUES
    text += "sites:\n"
    for site in EXAMPLE_SITES:
        text += f"  {site}:\n    params:{'' if site_keys else ' {}'}\n"
        for key in site_keys:
            text += f"      {_yaml(key)}: {_yaml(_example(key, values.get(key), site))}\n"
    return text


def _fits(value: object) -> bool:
    """Whether federation.yaml can say it."""
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, bool | int | float | str) for item in items)


def _example(key: str, value: object, site: str) -> object:
    """An example of a site's value, of the same type as the notebook's own.

    A path stays its author's: it would be wrong elsewhere, and may say whose data it was.
    """
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list) and value and all(isinstance(v, int | float) for v in value):
        return value
    if not isinstance(value, str) or _SECRET_NAME.search(key) or _LONG.fullmatch(value):
        return _CHANGE_ME
    if "/" in value or "\\" in value or _FILE_NAME.fullmatch(value):
        return f"data/{site}{PurePosixPath(value).suffix}"
    return value or _CHANGE_ME


def _yaml(value: object) -> str:
    """A scalar or list of scalars on one line, in quotes where YAML would misread it."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return text.removesuffix("\n").removesuffix("...").removesuffix("\n")
