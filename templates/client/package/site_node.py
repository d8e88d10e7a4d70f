"""A site as one process that joins the federation and ends with the run.

It stays warm: the data are loaded once, and each message is worked on right here. The code that
runs is what is installed and approved; nothing that the server sends is ever executed.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from .approval import require_approval
from .audit import AuditLog
from .connections import only_to
from .device import AUTO
from .exits import Exit, SiteError
from .identity import REQUEST_FILE, claimed_identity, write_request
from .policy import Policy
from .site_file import Scalar
from .surroundings import at_site

PATIENCE = 120.0


def run_site(
    site: str,
    node: Mapping[str, Scalar],
    *,
    address: str,
    ca: Path | None,
    workdir: Path,
    state_dir: Path,
    threads: int | None = None,
    device: str = AUTO,
    patience: float = PATIENCE,
    stay: bool = False,
    source: str = "site.yaml",
    policy: Policy | None = None,
    contract: Path | None = None,
) -> int:
    """Take part in a run as ``site`` and return the exit code.

    ``node`` is the node's configuration, see ``node_config``, and ``source`` the file that a
    person finds it in; relative paths in it are looked up from ``workdir``. ``state_dir`` keeps
    the site's key, its logs, the approval of this package, without which nothing is done, and
    what stays here between rounds. A server that does not answer, or does not know the key yet,
    is tried again for ``patience`` seconds. With ``stay``, the next run is waited for. ``policy``
    are the site's own rules, and the data are held against the data contract in the folder
    ``contract`` before the server is told of this site.
    """
    state_dir, ca = state_dir.resolve(), ca and ca.resolve()
    policy = policy or Policy()
    try:
        with at_site(site, state_dir, workdir, device):
            approval = require_approval(state_dir)
            _require_policy(policy, node, source)
            log = AuditLog(state_dir)
            # Not before: flwr reads the environment as it is imported.
            from .admittance import Admittance
            from .gate import Gate, rounds_so_far
            from .site_loop import take_part

            with claimed_identity(state_dir) as identity:
                write_request(site, identity, state_dir / REQUEST_FILE)
                log.record(
                    "started",
                    site=site,
                    server=address,
                    digest=approval.digest,
                    key=identity.fingerprint,
                    policy=policy.described(),
                )
                allowed = [address, *policy.connections]
                with _logged_end(log), only_to(allowed, unless=policy.downloads):
                    take_part(
                        {**node, "state-dir": str(state_dir / "local")},
                        address=address,
                        ca=ca,
                        admittance=Admittance(identity, state_dir),
                        gate=Gate(policy, log, rounds_so_far(state_dir)),
                        threads=threads,
                        patience=patience,
                        stay=stay,
                        source=source,
                        contract=contract,
                    )
    except KeyboardInterrupt:
        _say(site, "stopped")
        return Exit.INTERRUPTED
    except SiteError as error:
        _say(site, f"error: {error}")
        return error.code
    return Exit.DONE


def _require_policy(policy: Policy, node: Mapping[str, Scalar], source: str) -> None:
    if closed := policy.closed(datetime.now().astimezone()):
        raise SiteError(f"{closed}: start it then, or change policy.hours in {source}")
    paths = {name: value for name, value in node.items() if name != "site"}
    if outside := policy.outside(paths, Path.cwd()):
        raise SiteError(
            f"{', '.join(outside)} in {source}: not in {policy.data_root}, where all data of this "
            "site have to be by policy.data_root"
        )


@contextlib.contextmanager
def _logged_end(log: AuditLog) -> Iterator[None]:
    """Write down how the part in the run ended, however it did."""
    try:
        yield
    except BaseException as error:
        reason = str(error) if isinstance(error, SiteError) else type(error).__name__
        log.record("ended", reason=reason)
        raise
    log.record("ended", reason="the run has ended")


def _say(who: str, text: str) -> None:
    # What it is written to may be a file on a full disk; how this ends is in the exit code, too.
    with contextlib.suppress(OSError):
        print(f"{who}: {text}", file=sys.stderr, flush=True)
