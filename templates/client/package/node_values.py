"""A node's configuration: given to its SuperNode, or, in Flower's simulation, read from a file.

The simulation numbers its nodes and tells them nothing else. So a file on this machine, named by an
environment variable, holds what `--node-config` would: an object of every site's values by name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .failures import Refusal

# A name that no value of the notebook's can have.
THREADS = "torch-threads"

SITES_FILE = (__package__ or "").removesuffix("_client").upper() + "_SITES"


def node_values(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configuration of this node, with its site's name; raises Refusal.

    Simulated nodes take the sites of the file in order of their names.
    """
    if "site" in config:
        return config
    if "partition-id" not in config:
        raise Refusal("this node was not told which site it is: its configuration has no `site`")
    sites = _sites()
    number = int(config["partition-id"])
    if number >= len(sites):
        raise Refusal(f"this is node {number + 1}, but {SITES_FILE} has {len(sites)} sites")
    site = sorted(sites)[number]
    return {**sites[site], "site": site}


def torch_threads(node: Mapping[str, Any]) -> int | None:
    """Return how many threads torch is to take at this node, None for torch's choice.

    Flower starts a process for each node: sites on one machine fight over its cores otherwise.
    Raises Refusal.
    """
    threads = node.get(THREADS)
    if threads is None:
        return None
    if type(threads) is not int or threads < 1:
        raise Refusal(f"`{THREADS}` of this node should be a whole number above 0")
    return threads


def _sites() -> dict[str, dict[str, Any]]:
    file = os.environ.get(SITES_FILE, "")
    if not file:
        raise Refusal(f"the environment variable {SITES_FILE} does not name the file of the sites")
    try:
        sites = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(f"the file in {SITES_FILE} cannot be read as JSON") from error
    if not isinstance(sites, dict) or not all(isinstance(each, dict) for each in sites.values()):
        raise Refusal(f"the file in {SITES_FILE} does not hold an object of sites")
    return sites
