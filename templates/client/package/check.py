"""``check``: all that a run needs at this site, tried before it is needed, and how to put it right.

What is wrong with the data is shown here and logged here, and told nobody else.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from datetime import datetime
from importlib import metadata

from packaging.requirements import Requirement

from .approval import require_approval
from .audit import read_chain
from .audit_report import counted
from .connections import only_to
from .contract import CONTRACT_FILE, read_contract
from .exits import SiteError
from .findings import Finding, failed, failures, fine, note
from .identity import KEY_FILE, load_identity
from .kit import is_kit
from .own_data import AT_LEISURE, load_own_data, own_differences
from .place import COMMAND, Place
from .reach import check_server
from .site import Site
from .site_file import node_config
from .site_loop import check_settings
from .verify import verify

_LEAST_PYTHON = (3, 11)
_LEAST_FREE = 500 << 20


def check(place: Place) -> list[Finding]:
    """Try everything; a check that fails does not keep the others from being made."""
    findings = [*_software(), *_trust(place), *_policy(place), _disk(place)]
    findings += [*_server(place), *_data(place)]
    return findings


def _software() -> Iterator[Finding]:
    here = platform.python_version()
    if sys.version_info >= _LEAST_PYTHON:
        yield fine("Python", here)
    else:
        yield failed("Python", f"{here} is too old", "make the environment with Python 3.11")
    try:
        wanted = [Requirement(line) for line in metadata.requires(COMMAND) or []]
    except metadata.PackageNotFoundError:
        yield note("packages", f"{COMMAND} was not installed with pip, so none is compared")
        return
    wrong = [f"{each} (here: {_version(each.name)})" for each in wanted if not _holds(each)]
    if wrong:
        yield failed("packages", "; ".join(wrong), "install this package's wheel with pip anew")
    else:
        yield fine("packages", f"{len(wanted)} requirements are met")


def _holds(wanted: Requirement) -> bool:
    if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
        return True
    return wanted.specifier.contains(_version(wanted.name) or "0", prereleases=True)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _trust(place: Place) -> Iterator[Finding]:
    if is_kit(place.folder):
        found = verify(place.folder, place.state)
        yield from failures(found)
        if not failures(found):
            yield fine("kit", "is what its coordinator signed (see `verify`)")
    try:
        approval = require_approval(place.state)
        yield fine("approval", f"{approval.digest[:12]} by {approval.by} on {approval.at}")
    except SiteError as error:
        yield failed("approval", str(error), f"{COMMAND} review, then {COMMAND} approve")
    chain = read_chain(place.state)
    if chain.broken:
        yield failed("audit log", f"line {chain.broken} {chain.reason}", f"{COMMAND} audit")
    else:
        yield fine("audit log", f"{counted(chain)}, the chain is whole")
    try:
        own = load_identity(place.state / KEY_FILE).fingerprint
    except SiteError as error:
        yield failed("key", str(error), f"{COMMAND} enroll, if there is none yet")
        return
    enrolled = [entry.get("key") for entry in chain.entries if entry["event"] == "enrolled"]
    if enrolled and enrolled[-1] != own:
        yield failed(
            "key",
            f"{own} is not the key that was enrolled here, {enrolled[-1]}",
            f"find out who changed it; then put the old one back, or {COMMAND} enroll",
        )
    else:
        yield fine("key", f"{own}, readable by its owner alone")


def _policy(place: Place) -> Iterator[Finding]:
    policy, file = place.file.policy, place.file
    if closed := policy.closed(datetime.now().astimezone()):
        yield note("hours", closed, "start it within these hours")
    if outside := policy.outside(file.params, place.folder):
        yield failed(
            "data root",
            f"{', '.join(outside)}: not in {policy.data_root}",
            f"move the data, or change policy.data_root in {place.config}",
        )
    rules = [f"{rule}: {value}" for rule, value in policy.described().items()]
    yield fine("policy", "; ".join(rules))


def _disk(place: Place) -> Finding:
    free = shutil.disk_usage(place.state).free
    text = f"{free / (1 << 30):.1f} GB free at {place.state}"
    if free < _LEAST_FREE:
        return failed("disk", text, "make room for logs and for what is kept between rounds")
    return fine("disk", text)


def _server(place: Place) -> Iterator[Finding]:
    try:
        yield from check_server(place)
    except SiteError as error:
        yield failed("server", str(error))


def _data(place: Place) -> Iterator[Finding]:
    file = place.file
    node = node_config(place.site, file.params, file.overrides)
    try:
        check_settings(node, place.config.name)
        contract = read_contract(place.folder)
        allowed = only_to(file.policy.connections, unless=file.policy.downloads)
        with allowed, redirect_stdout(sys.stderr):
            site = Site(node)
            load_own_data(site)
            yield fine("data", "are loaded, as the notebook loads them")
            if contract is None:
                yield note("data contract", f"there is no {CONTRACT_FILE} to compare them with")
                return
            found = own_differences(contract, site, AT_LEISURE)
    except SiteError as error:
        yield failed("data", str(error))
        return
    for each in found:
        make: Callable[[str, str, str], Finding] = failed if each.serious else note
        what = "prepare the data as the contract says" if each.serious else "look at it"
        yield make("data contract", f"{each.place} {each.text}", what)
    if not found:
        yield fine("data contract", f"the data are what {CONTRACT_FILE} says")
