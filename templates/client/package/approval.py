"""What this site has agreed to run: one package, by its digest, as somebody approved it."""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import __version__
from .audit import AuditLog, read_chain
from .digest import package_digest
from .exits import SiteError
from .whole_file import PRIVATE, whole_file

APPROVAL_FILE = "approval.json"


@dataclass(frozen=True)
class Approval:
    """Who approved which package, and when.

    ``signer`` is the fingerprint of the key that signed the kit, "" where there was no kit.
    """

    digest: str
    version: str
    by: str
    at: str
    signer: str = ""


def installed_digest() -> str:
    """Return the digest of the package that is installed here, of all its code."""
    return package_digest(Path(__file__).resolve().parent)


def this_user() -> str:
    """Return who runs this process, by the name that the machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def read_approval(state: Path) -> Approval | None:
    """Return what was approved last, or None; raises SiteError."""
    path = state / APPROVAL_FILE
    try:
        return Approval(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise SiteError(f"{path} cannot be read: delete it, and approve anew") from error


def approve(state: Path, *, by: str, signer: str = "") -> Approval:
    """Record that the installed package may run here; raises SiteError.

    ``state`` is made if it is not there.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    approval = Approval(installed_digest(), __version__, by, now, signer)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SiteError(f"{state} cannot be made: {error.strerror}") from error
    # In the log first: an approval that nobody can look up later shall not count.
    AuditLog(state).record("approved", digest=approval.digest, by=by, signer=signer)
    path = state / APPROVAL_FILE
    try:
        with whole_file(path, PRIVATE) as file:
            file.write(f"{json.dumps(asdict(approval), indent=2)}\n".encode())
    except OSError as error:
        raise SiteError(f"{path} cannot be written: {error.strerror}") from error
    return approval


def is_logged(state: Path, approval: Approval) -> bool:
    """Say whether the audit log knows of an approval; otherwise somebody put it there.

    Of a log that is broken, others tell. Raises SiteError.
    """
    chain = read_chain(state)
    logged = (each.get("digest") for each in chain.entries if each["event"] == "approved")
    return bool(chain.broken) or approval.digest in logged


def approve_by_running(state: Path, command: str) -> Approval:
    """Take it for an approval that somebody runs ``command`` with a package of their own making.

    What was approved last is not approved again. Raises SiteError.
    """
    last = read_approval(state)
    if last and last.digest == installed_digest() and is_logged(state, last):
        return last
    return approve(state, by=f"{command}, {this_user()}")


def require_approval(state: Path) -> Approval:
    """Return the approval of the installed package.

    Raises SiteError where there is none, or it is about other code.
    """
    approval, digest = read_approval(state), installed_digest()
    if approval is None:
        raise SiteError(
            f"nobody has approved this package (digest {digest[:12]}) here: read it with `review`, "
            "then `approve` it"
        )
    if approval.digest != digest:
        raise SiteError(
            f"this package has the digest {digest[:12]}, and {approval.by} approved "
            f"{approval.digest[:12]} on {approval.at}: find out why it changed, `review` it, and "
            "`approve` it"
        )
    if not is_logged(state, approval):
        raise SiteError(
            f"the audit log does not know that {approval.by} approved this package on "
            f"{approval.at}: find out why, and `approve` it anew"
        )
    return approval
