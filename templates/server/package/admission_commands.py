"""The commands by which the coordinator lets sites in and out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .admission import AdmissionError, admit, admitted, revoke
from .keyring import KEYS_FILE
from .settings import DISTRIBUTION

STATE = Path("server-state")

_FINE, _AT_FAULT = 0, 1


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``admit``, ``revoke`` and ``sites``; each sets ``run`` in its options."""
    enter = commands.add_parser("admit", help="let the site of a request.json in")
    enter.add_argument("request", type=Path, metavar="FILE", help="what the site's `enroll` wrote")
    leave = commands.add_parser("revoke", help="shut a site out, at once")
    leave.add_argument("site", metavar="SITE")
    shown = commands.add_parser("sites", help="list the sites that are let in")
    for parser, run in ((enter, _admit), (leave, _revoke), (shown, _sites)):
        add_state(parser)
        parser.set_defaults(run=_told(run))


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add the option of the folder that holds certificates and keys."""
    parser.add_argument(
        "--state",
        type=Path,
        default=STATE,
        metavar="DIR",
        help=f"folder of the certificates and of the sites' keys (default {STATE})",
    )


def _admit(options: argparse.Namespace) -> None:
    site, key = admit(options.request, options.state)
    print(f"{site} is admitted with the key {key.fingerprint}")
    print("compare this fingerprint with the one that the site sees, over another line")
    print(f"servers that are started with --state {options.state} let it in from now on")


def _revoke(options: argparse.Namespace) -> None:
    key = revoke(options.site, options.state)
    print(f"{options.site} is shut out; its key {key.fingerprint} does not come back")


def _sites(options: argparse.Namespace) -> None:
    sites = admitted(options.state)
    for site, key in sites.items():
        print(f"{site}  {key.fingerprint}  since {key.admitted_at}")
    if not sites:
        print(f"no site is let in by {options.state / KEYS_FILE}", file=sys.stderr)


def _told(run: Callable[[argparse.Namespace], None]) -> Callable[[argparse.Namespace], int]:
    def wrapped(options: argparse.Namespace) -> int:
        try:
            run(options)
        except AdmissionError as error:
            print(f"{DISTRIBUTION}: {error}", file=sys.stderr)
            return _AT_FAULT
        return _FINE

    return wrapped
