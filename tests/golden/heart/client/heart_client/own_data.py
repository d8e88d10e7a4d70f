"""This site's own data, loaded before the server is asked, and held against the data contract."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from flwr.app import ArrayRecord

from .contract import CONTRACT_FILE, Contract, Difference, differences, read_contract
from .data import SiteData
from .description import Description, describe
from .exits import SiteError
from .failures import DataNotLoaded
from .site import Site
from .site_file import Scalar
from .trip import DIGEST, Trip

# Examples that are looked at: enough to see what is wrong, and more where a person waits for it.
AT_START, AT_LEISURE = 200, 2000

_log = logging.getLogger(__package__)


def without_server(seed: int = 0) -> Trip:
    """Return what a message without weights would ask for, and the notebook's own parameters."""
    return Trip(ArrayRecord(), packed=False, round=1, params={}, seed=seed, evaluate=True)


def load_own_data(site: Site) -> SiteData:
    """Load the data as the notebook does; raises SiteError."""
    try:
        return site.data(without_server())
    except DataNotLoaded as error:
        cause = error.__cause__
        _log.debug("the data could not be loaded", exc_info=cause)
        raise SiteError(
            f"the data could not be loaded: {type(cause).__name__}: {cause} (the whole trace is in "
            "site.log)"
        ) from error


def describe_data(data: SiteData, most: int) -> dict[str, Description]:
    """Describe each part of the data by its name."""
    return {name: describe(value, most) for name, value in data._asdict().items()}


def own_differences(contract: Contract, site: Site, most: int) -> list[Difference]:
    """Return how this site's data differ from the contract; raises SiteError."""
    if contract.package != DIGEST:
        raise SiteError(
            f"{CONTRACT_FILE} was made for another package ({contract.package[:12]}, this is "
            f"{DIGEST[:12]}): get the one of this package from the coordinator, or take it away"
        )
    found = differences(contract.data, describe_data(load_own_data(site), most))
    for difference in found:
        _log.debug("data contract: %s %s", difference.place, difference.text)
    return found


def require_contract(folder: Path, node: Mapping[str, Scalar]) -> None:
    """Hold the data against the contract in ``folder``, if there is one.

    Raises SiteError where the notebook's code cannot be right for these data; what else differs
    is logged.
    """
    contract = read_contract(folder)
    if contract is None:
        return
    found = own_differences(contract, Site(node), AT_START)
    for difference in found:
        if not difference.serious:
            _log.warning("data contract: %s %s", difference.place, difference.text)
    if serious := [f"{each.place} {each.text}" for each in found if each.serious]:
        raise SiteError(
            f"the data are not what {CONTRACT_FILE} says: {'; '.join(serious)}: prepare them as it "
            "says (see `check`)"
        )
