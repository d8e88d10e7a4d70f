"""The site's command line: read and approve what runs here, try it out, take part, look back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from .approval import approve, this_user
from .audit import AuditLog, read_chain
from .exits import Exit, SiteError
from .findings import as_table, failures, show
from .identity import KEY_FILE, REQUEST_FILE, ensure_identity, write_request
from .kit import is_kit, read_kit
from .place import COMMAND, Place, find_place
from .site_file import node_config
from .site_node import PATIENCE, run_site
from .surroundings import at_site
from .verify import verify

EPILOG = f"""\
in this order, the first time:
  {COMMAND} verify --signer SHA256:...  is this what the coordinator signed?
  {COMMAND} review                      what runs, what leaves, what it reaches, on one page
  {COMMAND} approve                     let this package run here, and no other
  {COMMAND} enroll --site cleveland     this site's key, and request.json for the coordinator
  {COMMAND} check                       data, clock, certificate, server, key
  {COMMAND} dry-run                     one round on this site's data; nothing is sent
  {COMMAND} start                       take part in the run

exit codes: 0 done, 1 something is wrong here, 2 wrong command line,
  4 no server, or none that lets this site in, 130 interrupted
"""

Verb = Callable[[argparse.Namespace, Place], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        filled_in = options.run in _WITH_DATA
        place = find_place(options.site, options.config, options.state, filled_in=filled_in)
        code: int = options.run(options, place)
    except SiteError as error:
        print(f"{COMMAND}: error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print(f"{COMMAND}: stopped", file=sys.stderr)
        return Exit.INTERRUPTED
    return code


def _enroll(options: argparse.Namespace, place: Place) -> int:
    had_one = (place.state / KEY_FILE).exists()
    identity = ensure_identity(place.state)
    write_request(place.site, identity, options.out)
    AuditLog(place.state).record("enrolled", site=place.site, key=identity.fingerprint)
    print(f"wrote {options.out}: give it to the coordinator, it holds no secret")
    print(f"fingerprint of this site's key: {identity.fingerprint}")
    print("tell the coordinator the fingerprint over another line, by telephone for example")
    print(f"the key itself never leaves {place.state}")
    if had_one:
        print("it was there before: if nobody here has enrolled before, delete it, and enroll anew")
    return Exit.DONE


def _verify(options: argparse.Namespace, place: Place) -> int:
    found = verify(options.kit or place.folder, place.state, options.signer)
    return show(found, as_json=options.json)


def _review(options: argparse.Namespace, place: Place) -> int:
    from .review import review

    print(review(place))
    return Exit.DONE


def _approve(options: argparse.Namespace, place: Place) -> int:
    folder, signer = options.kit or place.folder, ""
    if options.kit or options.signer or is_kit(folder):
        found = verify(folder, place.state, options.signer)
        if wrong := failures(found):
            print(as_table(wrong), file=sys.stderr)
            raise SiteError("not approved: the kit is not what its coordinator signed")
        signer = read_kit(folder).signer
    approval = approve(place.state, by=options.by or this_user(), signer=signer)
    print(f"approved by {approval.by}: {COMMAND} {approval.version}, digest {approval.digest}")
    print(f"signed by {signer}, which is remembered" if signer else "no kit, so nobody signed it")
    if signer and not options.signer:
        print("has the coordinator told this fingerprint, by telephone? --signer compares it")
    return Exit.DONE


def _check(options: argparse.Namespace, place: Place) -> int:
    with at_site(place.site, place.make_state().resolve(), place.folder, place.file.device):
        from .check import check

        return show(check(place), as_json=options.json)


def _dry_run(options: argparse.Namespace, place: Place) -> int:
    with at_site(place.site, place.make_state().resolve(), place.folder, place.file.device):
        from .dry_run import dry_run

        dry_run(place, seed=options.seed, as_json=options.json)
    return Exit.DONE


def _local(options: argparse.Namespace, place: Place) -> int:
    out = options.out and options.out.resolve()
    with at_site(place.site, place.make_state().resolve(), place.folder, place.file.device):
        from .local import local

        local(place, rounds=options.rounds, seed=options.seed, out=out, as_json=options.json)
    return Exit.DONE


def _start(options: argparse.Namespace, place: Place) -> int:
    given = {key: getattr(options, key) for key in ("server", "ca") if getattr(options, key)}
    place = replace(place, file=replace(place.file, **given))
    address, file = place.address, place.file
    return run_site(
        place.site,
        node_config(place.site, file.params, file.overrides),
        address=address,
        ca=place.ca,
        workdir=place.folder,
        state_dir=place.state,
        threads=file.threads,
        device=file.device,
        patience=options.patience,
        stay=options.stay,
        source=place.config.name,
        policy=file.policy,
        contract=place.folder,
    )


def _audit(options: argparse.Namespace, place: Place) -> int:
    from .audit_report import report

    return report(read_chain(place.state), expect=options.expect, as_json=options.json)


# Those that use the values of site.yaml; the others come before it is filled in.
_WITH_DATA = (_check, _dry_run, _local, _start)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="One site of a federation: trains on its own data.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def verb(name: str, run: Verb, about: str, example: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=about,
            description=about[0].upper() + about[1:] + ".",
            epilog=f"example: {COMMAND} {name} {example}".rstrip(),
        )
        added.set_defaults(run=run)
        add = added.add_argument
        add("--site", metavar="NAME", help="this site's name (default: `site` in --config)")
        add("--config", type=Path, default=Path("site.yaml"), help="default: %(default)s")
        add(
            "--state", type=Path, metavar="DIR", help="key, logs, approval (default: near --config)"
        )
        return added

    _add_trust(verb)
    _add_trials(verb)
    _add_running(verb)
    return parser


_AddVerb = Callable[..., argparse.ArgumentParser]


def _add_trust(verb: _AddVerb) -> None:
    enroll = verb(
        "enroll",
        _enroll,
        "make this site's key, and the file that the coordinator needs",
        "--site cleveland",
    )
    enroll.add_argument("--out", type=Path, default=Path(REQUEST_FILE), help="default: %(default)s")
    verifying = verb(
        "verify",
        _verify,
        "check that a kit is what the coordinator signed, file by file",
        "--signer SHA256:0ahBcq...",
    )
    approving = verb(
        "approve",
        _approve,
        "let the installed package run here, and no other",
        '--by "Dr. A. Meier"',
    )
    for parser in (verifying, approving):
        add = parser.add_argument
        add("--kit", type=Path, metavar="DIR", help="folder of the kit (default: --config's)")
        add("--signer", default="", metavar="SHA256:...", help="the coordinator's key, as told")
    approving.add_argument("--by", metavar="NAME", help="who approves (default: this user)")
    _add_json(verifying)
    verb("review", _review, "print what runs, where from, what leaves and what it reaches")


def _add_trials(verb: _AddVerb) -> None:
    _add_json(verb("check", _check, "try all that a run needs, and say how to put it right"))
    trying = verb("dry-run", _dry_run, "play one round on this site's data, and send nothing")
    alone = verb("local", _local, "train on this site's data alone: the baseline", "--rounds 10")
    alone.add_argument("--rounds", type=_above_0, default=3, help="default: %(default)s")
    alone.add_argument("--out", type=Path, metavar="FILE", help="the weights, as safetensors")
    for parser in (trying, alone):
        parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
        _add_json(parser)


def _add_running(verb: _AddVerb) -> None:
    start = verb(
        "start",
        _start,
        "join the federation and take part until its run has ended",
        "--site cleveland --config site.yaml",
    )
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
    audit = verb("audit", _audit, "print this site's audit log, and check that nobody changed it")
    audit.add_argument("--expect", default="", metavar="HASH", help="a hash that was noted before")
    _add_json(audit)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print it as JSON, for scripts")


def _above_0(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
