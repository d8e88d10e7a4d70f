"""The server's command: a SuperLink beside this process, and one run of the federation on it."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .addresses import StartError, is_wildcard, join_address, parse_address, taken_port
from .admission_commands import add_commands, add_state
from .resume import resumed_settings
from .settings import ADDRESS, DISTRIBUTION, NAME, Scalar, Settings, SettingsError
from .superlink_process import flower_environment, superlink_process
from .terminable import terminable

if TYPE_CHECKING:
    from .run_folder import Listener

FINE, AT_FAULT, FAILED, INTERRUPTED = 0, 1, 4, 130

_START_SECONDS = 60.0
_FAREWELL_SECONDS = 5.0
# The SuperLink lets whoever reaches it start runs: only this machine does.
_INSIDE = "127.0.0.1:0"
_EPILOG = f"""\
example:
  {DISTRIBUTION} start --rounds 5 --sites north,south --address {ADDRESS} --state server-state
  {DISTRIBUTION} start --resume runs/RUN         a run that broke off, with what it was started with

The first start makes certificates in STATE/pki; give each site a copy of ca.pem, and no other
file. A site gives its request.json in return: `{DISTRIBUTION} admit request.json` lets it in, also
while the server runs.

Exit codes: 0 the run finished, 1 settings are wrong, 4 the run or the server failed,
130 interrupted.
"""


def serve(
    settings: Settings,
    *,
    address: str = ADDRESS,
    names: Sequence[str] = (),
    state_dir: Path = Path("server-state"),
    listener: Listener | None = None,
    linger_seconds: float = 10.0,
) -> int:
    """Run one federation and return the command's exit code.

    Admitted sites (see ``admission``) reach it at ``address``, over TLS; ``names`` are the names
    of this machine for which its certificate is to be good, besides that address. ``listener``
    gets every event, and before them one "listening" with the address and the path of the
    certificate that sites need; by default, events become lines on standard error.
    ``linger_seconds`` bounds the wait for sites to see the end of the run.
    """
    # Flower reads these when it is imported, so no module that imports it is loaded before.
    os.environ.update(flower_environment(state_dir.resolve()))
    logging.getLogger("flwr").setLevel(logging.WARNING)
    try:
        return _serve(settings, address, names, state_dir, listener, linger_seconds)
    except SettingsError as error:
        return _fail(str(error), AT_FAULT)
    except (StartError, ConnectionError) as error:
        return _fail(str(error), FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the border of the process: the notebook's code ran
        where = _traced(state_dir / "error.log")
        return _fail(f"{type(error).__name__}: {error} ({where})", AT_FAULT)


def _check(settings: Settings) -> None:
    """Raise SettingsError for what would stop the run, before a site is let in."""
    from .parameters import params_of
    from .strategies import make_strategy

    params_of(settings)
    make_strategy(settings.strategy, settings.strategy_options)


def _serve(
    settings: Settings,
    address: str,
    names: Sequence[str],
    state_dir: Path,
    listener: Listener | None,
    linger: float,
) -> int:
    host, port = parse_address(address)
    hosts = [*names, *([] if is_wildcard(host) else [host])]
    with (
        taken_port(host, port) as public,
        superlink_process(_INSIDE, state_dir, hosts=hosts) as process,
    ):
        # To import these takes as long as the SuperLink takes to start: they go on side by side.
        from .console import print_progress
        from .farewell import say_farewell
        from .front import open_to_sites
        from .server_app import run
        from .sites import TooFewSites
        from .superlink import SuperLink
        from .superlink_grid import SuperLinkError

        _check(settings)
        listener = listener or print_progress
        ca = process.certificates.ca
        with closing(SuperLink(process.address, ca, process.secret, process.alive)) as link:
            try:
                link.wait_until_ready(_START_SECONDS)
            except SuperLinkError as error:
                raise StartError(f"{error}; its log ends: {process.last_words()}") from error
            with open_to_sites(public, process, state_dir.resolve()) as front:
                reached = join_address(host, public.getsockname()[1])
                listener({"event": "listening", "address": reached, "ca": str(ca)})
                with link.run(NAME, front) as link_run:
                    try:
                        outcome = run(
                            link_run.grid, settings, listener=listener, site_of=front.site_of
                        )
                    except TooFewSites as error:
                        raise StartError(str(error)) from error
                    say_farewell(link_run.grid, outcome.outcome, seconds=_FAREWELL_SECONDS)
                    link_run.completed = outcome.good
                link.wait_until_deserted(linger)
    if outcome.good:
        return FINE
    kept = f"{_rounds(outcome.rounds_done)} kept: go on with --resume {outcome.folder}"
    return _fail(f"{outcome.reason}; {kept}" if outcome.rounds_done else outcome.reason, FAILED)


def _rounds(number: int) -> str:
    return "1 round is" if number == 1 else f"{number} rounds are"


def _traced(file: Path) -> str:
    """Write the trace of the error that is being handled; say where it is."""
    try:
        file.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError as error:
        return f"{file} with the trace cannot be written: {error.strerror}"
    return f"the trace is in {file}"


def _fail(reason: str, code: int) -> int:
    print(f"{DISTRIBUTION}: {reason}", file=sys.stderr, flush=True)
    return code


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the console script."""
    options = _parser().parse_args(arguments)
    try:
        # A polite request to end is treated like Ctrl-C: the child ends, the run's end is written.
        with terminable(signal.SIGINT):
            code = options.run(options)
    except KeyboardInterrupt:
        code = _fail("interrupted", INTERRUPTED)
    sys.exit(code)


def _start(options: argparse.Namespace) -> int:
    try:
        if options.resume:
            settings = resumed_settings(options.resume, _run_config(options))
        else:
            settings = Settings.from_run_config(_run_config(options))
    except SettingsError as error:
        return _fail(str(error), AT_FAULT)
    listener: Listener | None = None
    if options.json:
        from .console import print_json as listener
    return serve(
        settings,
        address=options.address,
        names=options.name,
        state_dir=options.state,
        listener=listener,
    )


def _run_config(options: argparse.Namespace) -> dict[str, Scalar]:
    config: dict[str, Scalar] = {"engine": "federation"}
    for key in ("rounds", "seed", "min-sites", "join-timeout", "round-timeout", "run-dir"):
        value = getattr(options, key.replace("-", "_"))
        if value is not None:
            config[key] = value
    if options.sites is not None:
        config["sites"] = json.dumps([site for site in options.sites.split(",") if site])
    if options.server_param:
        own = {**Settings.from_run_config().server_params, **dict(options.server_param)}
        config["server-params"] = json.dumps(own)
    if options.param:
        given = dict(options.param)
        config["params"] = json.dumps({**Settings.from_run_config().params, **given})
    return config


def _param(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=DISTRIBUTION,
        description=f"The server of the federation {NAME}.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    start = commands.add_parser(
        "start",
        help="run one federation and end",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    start.set_defaults(run=_start)
    add: Callable[..., object] = start.add_argument
    add("--rounds", type=int, metavar="N", help="rounds of training")
    add("--seed", type=int, metavar="N", help="seed of everything random")
    add("--sites", metavar="A,B", help="names of the sites to expect; '' for any")
    add("--min-sites", type=int, metavar="N", help="sites that a round needs (0: all expected)")
    add("--join-timeout", type=float, metavar="S", help="seconds to wait for sites")
    add("--round-timeout", type=float, metavar="S", help="seconds that a round may take")
    add("--param", type=_param, action="append", metavar="NAME=VALUE", help="set a parameter")
    add(
        "--server-param",
        type=_param,
        action="append",
        metavar="NAME=VALUE",
        help="set a value of the server's own data, such as their path",
    )
    add("--address", default=ADDRESS, metavar="H:P", help=f"where to listen (default {ADDRESS})")
    add(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="a name of this machine that sites use, for its certificate; may come again",
    )
    add_state(start)
    folder = start.add_mutually_exclusive_group()
    folder.add_argument(
        "--run-dir", metavar="DIR", help="folder of this run (default runs/TIME-NAME)"
    )
    folder.add_argument(
        "--resume", type=Path, metavar="DIR", help="go on with the run in this folder"
    )
    add("--json", action="store_true", help="print events as JSON lines on standard output")
    add_commands(commands)
    return parser


if __name__ == "__main__":
    main()
