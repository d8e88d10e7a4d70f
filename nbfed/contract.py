"""The data contract of a build: what its code takes for granted about every site's data."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbfed.builds import make_importable, notebook_folder, state_folder
from nbfed.errors import NbfedError

if TYPE_CHECKING:
    from nbfed.emit import Build


CONTRACT = "contract.json"


@dataclass(frozen=True)
class BuildContract:
    """A contract.json on disk, and whether it was made for the build as it is now."""

    file: Path
    is_current: bool


def read_contract(build: Build) -> BuildContract | None:
    """The data contract that was made for this federation, or None where none can be read."""
    file = state_folder(build) / CONTRACT
    try:
        package = json.loads(file.read_bytes())["package"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return BuildContract(file, package == build.manifest.client_digest)


def write_contract(build: Build, node: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Load a site's data as the notebook does, and write down what they are like.

    ``node`` is the site's configuration. Only forms and widened ranges are written. Runs the
    notebook's data cells. Returns the file and its content. Raises NbfedError where they fail.
    """
    # Read as flwr is imported.
    os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
    os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
    make_importable(build.client)
    package = build.names.client_package
    own_data, site_module, contract = (
        importlib.import_module(f"{package}.{name}") for name in ("own_data", "site", "contract")
    )
    # What the notebook prints may be anything, and is not what was asked for.
    quietly = contextlib.redirect_stdout(sys.stderr)
    with contextlib.chdir(notebook_folder(build)), quietly:
        site = site_module.Site(node)
        made = contract.Contract(
            build.manifest.client_digest, _data(own_data, site), _model(own_data, site)
        )
    text: str = made.to_json()
    file = state_folder(build) / CONTRACT
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")
    return file, json.loads(text)


def _data(own_data: Any, site: Any) -> Any:
    try:
        loaded = site.data(own_data.without_server())
    except own_data.DataNotLoaded as error:
        cause = error.__cause__
        raise NbfedError(
            f"the data of {site.name} could not be loaded: {type(cause).__name__}: {cause}",
            hint="name another site with --site, or correct its params in federation.yaml",
        ) from error
    return own_data.describe_data(loaded, own_data.AT_LEISURE)


def _model(own_data: Any, site: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
    initial = site.initial(own_data.without_server())
    return {name: (array.dtype, tuple(array.shape)) for name, array in initial.items()}
