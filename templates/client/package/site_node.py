"""The command of a site: one process that joins the federation and ends with the run.

It stays warm: the data are loaded once, and each message is worked on right here. The code that
runs is what is installed; nothing that the server sends is ever executed.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .exits import Exit, SiteError
from .identity import REQUEST_FILE, claimed_identity, ensure_identity, write_request
from .site_file import Scalar, SiteFile, node_config, read_site_file

PATIENCE = 120.0

_COMMAND = (__package__ or "").replace("_", "-")
_log = logging.getLogger(__package__)


def run_site(
    site: str,
    node: Mapping[str, Scalar],
    *,
    address: str,
    ca: Path | None,
    workdir: Path,
    state_dir: Path,
    threads: int | None = None,
    patience: float = PATIENCE,
    stay: bool = False,
    source: str = "site.yaml",
) -> int:
    """Take part in a run as ``site`` and return the exit code.

    ``node`` is the node's configuration, see ``node_config``, and ``source`` the file that a
    person finds it in; relative paths in it are looked up from ``workdir``. ``state_dir`` keeps
    the site's key, its log, and what stays here between rounds. A server that does not answer, or
    does not know the key yet, is tried again for ``patience`` seconds. With ``stay``, the next run
    is waited for.
    """
    state_dir, ca = state_dir.resolve(), ca and ca.resolve()
    try:
        with _logging(site, state_dir), _terminable(), contextlib.chdir(workdir):
            _set_environment(state_dir)
            # Not before: flwr reads the environment as it is imported.
            from .admittance import Admittance
            from .site_loop import take_part

            with claimed_identity(state_dir) as identity:
                write_request(site, identity, state_dir / REQUEST_FILE)
                take_part(
                    {**node, "state-dir": str(state_dir / "local")},
                    address=address,
                    ca=ca,
                    admittance=Admittance(identity, state_dir),
                    threads=threads,
                    patience=patience,
                    stay=stay,
                    source=source,
                )
    except KeyboardInterrupt:
        _say(site, "stopped")
        return Exit.INTERRUPTED
    except SiteError as error:
        _say(site, f"error: {error}")
        return error.code
    return Exit.DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        file = read_site_file(options.config)
        site = _site_name(options.site, file, options.config)
        folder = options.config.resolve().parent
        state_dir = options.state or folder / f".{_COMMAND}" / site
        code: int = options.run(options, site, file, state_dir)
    except SiteError as error:
        _say(_COMMAND, f"error: {error}")
        return error.code
    return code


def _start(options: argparse.Namespace, site: str, file: SiteFile, state_dir: Path) -> int:
    config: Path = options.config
    address = _address(options.server or file.server, config)
    ca = options.ca or file.ca
    if ca is None or not ca.is_file():
        raise SiteError(
            f"there is no CA certificate {ca or ''}: get ca.pem from the coordinator and "
            f"name it as `ca` in {config}, or with --ca"
        )
    return run_site(
        site,
        node_config(site, file.params, file.overrides),
        address=address,
        ca=ca,
        workdir=config.resolve().parent,
        state_dir=state_dir,
        threads=file.threads,
        patience=options.patience,
        stay=options.stay,
        source=config.name,
    )


def _enroll(options: argparse.Namespace, site: str, _: SiteFile, state_dir: Path) -> int:
    identity = ensure_identity(state_dir)
    write_request(site, identity, options.out)
    print(f"wrote {options.out}: give it to the coordinator, it holds no secret")
    print(f"fingerprint of this site's key: {identity.fingerprint}")
    print("tell the coordinator the fingerprint over another line, by telephone for example")
    print(f"the key itself never leaves {state_dir}")
    return Exit.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_COMMAND, description="One site of a federation: trains on its own data."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    enroll = commands.add_parser(
        "enroll",
        help="make this site's key, and the file that the coordinator needs",
        description="Make this site's key, once, and write its public half for the coordinator.",
        epilog=f"example: {_COMMAND} enroll --site cleveland",
    )
    enroll.set_defaults(run=_enroll)
    _add_site(enroll)
    enroll.add_argument("--out", type=Path, default=Path(REQUEST_FILE), help="default: %(default)s")
    start = commands.add_parser(
        "start",
        help="join the federation and end with its run",
        description="Join the federation and take part until its run has ended.",
        epilog=f"example: {_COMMAND} start --site cleveland --config site.yaml",
    )
    start.set_defaults(run=_start)
    _add_site(start)
    add = start.add_argument
    add("--server", metavar="HOST:PORT", help="instead of `server` in the configuration")
    add("--ca", type=Path, help="the federation's CA certificate, instead of `ca`")
    add("--stay", action="store_true", help="wait for the next run when one has ended")
    add(
        "--patience",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help="how long a server that does not answer is tried again (default: %(default)g)",
    )
    return parser


def _add_site(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--site", help="this site's name (default: `site` in the configuration)")
    add("--config", type=Path, default=Path("site.yaml"), help="default: site.yaml")
    add("--state", type=Path, help="folder of this site's key and log (default: beside --config)")


def _site_name(option: str | None, file: SiteFile, config: Path) -> str:
    if option and file.site and option != file.site:
        raise SiteError(f"{config} is the file of {file.site!r}, not of {option!r}")
    if not (option or file.site):
        raise SiteError(f"which site is this? Write `site: NAME` into {config}, or give --site")
    return option or file.site


def _address(address: str, config: Path) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise SiteError(
            f"{address!r} is no address of a server: write `server: HOST:PORT` into {config}, or "
            "give --server"
        )
    return address


def _set_environment(state_dir: Path) -> None:
    os.environ["FLWR_HOME"] = str(state_dir / "flwr")
    os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
    os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"


@contextlib.contextmanager
def _logging(site: str, state_dir: Path) -> Iterator[None]:
    """Short lines on the screen; everything, whole traces too, in the site's own log."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = state_dir / "site.log"
        # Traces may hold data of patients: nobody else may read them.
        os.close(os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        log_file = logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        raise SiteError(f"{state_dir} cannot be written: {error.strerror}") from error
    log_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.INFO)
    screen.setFormatter(logging.Formatter(f"{site}: %(message)s"))
    _log.setLevel(logging.DEBUG)
    logging.getLogger("flwr").setLevel(logging.WARNING)
    handlers = (log_file, screen)
    for handler in handlers:
        _log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            _log.removeHandler(handler)
            handler.close()


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let a polite kill end the site as Ctrl-C does: with a word to the server."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(who: str, text: str) -> None:
    print(f"{who}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
