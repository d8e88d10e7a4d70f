"""``nbfed bundle``: pack what the server and each site get."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbfed.cli.options import BuildFolder, FederationFile, MaybeNotebook
from nbfed.errors import NbfedError, UsageError

if TYPE_CHECKING:
    from nbfed.bundle.making import Bundle
    from nbfed.compilation import Compiled
    from nbfed.emit import Build
    from nbfed.federation.schema import Federation
    from nbfed.program import Program

EXAMPLE = "Example: nbfed bundle heart.ipynb --address fed.example.org:9092 --offline"

_BUILDS = Path("dist")
_MEBIBYTE = 1 << 20
# The server's certificate is good for these in any case.
_HERE = ("localhost", "127.0.0.1", "::1")


def command(
    notebook: MaybeNotebook = None,
    build_folder: BuildFolder = None,
    federation: FederationFile = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the kits go.")] = Path("kits"),
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where sites reach the server. (default: federation.yaml's server.address)",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="Another name of the server's machine, for its certificate; may come several "
            "times.",
            show_default=False,
        ),
    ] = None,
    add_site: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SITE",
            help="Make the kit of this site alone, a new one for example; may come several times.",
            show_default=False,
        ),
    ] = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Pack every wheel that is needed, for a machine without internet."
        ),
    ] = False,
    platform: Annotated[
        str, typer.Option(metavar="TAG", help="With --offline: the platform of the wheels.")
    ] = "manylinux_2_28_x86_64",
    python: Annotated[
        str, typer.Option(metavar="X.Y", help="The Python that the server and the sites have.")
    ] = "3.11",
    constraint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --offline: a file of versions, as pip's --constraint takes it.",
            show_default=False,
        ),
    ] = None,
    deploy: Annotated[
        bool,
        typer.Option(
            "--deploy/--no-deploy", help="Whether kits have a Dockerfile and a systemd unit."
        ),
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that are no kits of this federation.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Pack one kit for the server and one for each site, signed with the coordinator's key.

    The same build gives the same bytes. Keys and certificates are made once, in .nbfed/NAME, and
    stay the same whatever is built later; run-server serves with them too. Sites see the whole
    notebook in their kits, its code and text without outputs: read it before you send it.
    """
    if constraint is not None and not constraint.is_file():
        raise UsageError(f"there is no file {constraint}", hint="check --constraint")
    from nbfed.builds import state_folder
    from nbfed.bundle.coordinator import KEY_FILE
    from nbfed.bundle.making import Wanted, make_kits
    from nbfed.bundle.target import Target

    target = Target.of(platform, python)
    build, program, compiled = _build(notebook, build_folder, federation)
    settings = compiled.sources.federation
    reached, host = _address(address or settings.server.address)
    wanted = Wanted(
        sites=tuple(add_site or _sites(settings, compiled)),
        only=bool(add_site),
        address=reached,
        hosts=tuple(dict.fromkeys(each for each in (host, *(name or ())) if each not in _HERE)),
        target=target,
        offline=offline,
        constraint=constraint,
        deploy=deploy,
    )

    def tell(text: str) -> None:
        if sys.stderr.isatty():
            typer.echo(text, err=True)

    state = state_folder(build)
    is_new = not (state / KEY_FILE).exists()
    made = make_kits(build, program, compiled, wanted, out, force=force, tell=tell)
    typer.echo(_as_json(made) if as_json else _as_text(made))
    if is_new:
        typer.echo(
            f"note: the federation's keys were made in {state}/: keep that folder to yourself, and "
            "give every nbfed command of this federation from here",
            err=True,
        )
    if not as_json:
        _note(settings, wanted.sites, compiled, host)


def _build(
    notebook: Path | None, folder: Path | None, federation: Path | None
) -> tuple[Build, Program, Compiled]:
    """The build, made now or before, and what it was made from, which must be the same still."""
    from nbfed.builds import find_build, notebook_folder
    from nbfed.cli.compiling import built, compiled_or_exit
    from nbfed.compilation import stale_files

    if notebook is not None:
        if folder is not None:
            raise UsageError("give a notebook or --build, not both")
        return built(notebook, federation, _BUILDS, force=False, complete=False)
    build = find_build(folder, _BUILDS)
    source = _from_here(notebook_folder(build) / Path(build.manifest.notebook).name)
    recorded = build.manifest.federation
    settings = _from_here(build.folder / recorded) if recorded else None
    program, compiled = compiled_or_exit(
        source, federation or settings, complete=False, notes=False
    )
    if stale_files(program, compiled, build.folder.parent):
        raise NbfedError(
            f"{build.folder} is not what {source} gives now",
            hint="build it again, or bundle the notebook: nbfed bundle NOTEBOOK",
        )
    return build, program, compiled


def _from_here(path: Path) -> Path:
    """The path as a person in this folder would write it."""
    import os

    return Path(os.path.relpath(path.resolve()))


def _sites(federation: Federation, compiled: Compiled) -> list[str]:
    if not federation.sites:
        raise NbfedError(
            f"{compiled.sources.federation_name} names no sites",
            hint="write them under `sites:`, or name one with --add-site",
        )
    return list(federation.sites)


def _address(address: str) -> tuple[str, str]:
    """Where sites reach the server, and its host; raises UsageError."""
    import ipaddress

    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise UsageError(f"{address!r} is no HOST:PORT", hint="for example fed.example.org:9092")
    try:
        wildcard = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        wildcard = False
    if wildcard:
        raise UsageError(
            f"{address} is where a server listens, not where sites reach it",
            hint="name its machine: --address fed.example.org:9092",
        )
    return address, host


def _note(federation: Federation, sites: tuple[str, ...], compiled: Compiled, host: str) -> None:
    for site in sites:
        if federation.sites and site not in federation.sites:
            file = compiled.sources.federation_name
            typer.echo(f"note: {file} does not name {site} yet: no run expects it", err=True)
    if host in _HERE:
        typer.echo(
            f"note: only this machine reaches a server at {host}: name its machine with --address",
            err=True,
        )


def _as_text(bundle: Bundle) -> str:
    lines = []
    for made in bundle.kits:
        size = made.file.stat().st_size / _MEBIBYTE
        state = "wrote" if made.changed else "unchanged:"
        secret = "; it holds the server's private key" if made.kit.secret else ""
        lines.append(f"{state} {made.file} ({size:.1f} MiB{secret})")
    lines.append(f"signed with {bundle.signer}")
    lines.append("tell each site this fingerprint over another line, by telephone for example")
    return "\n".join(lines)


def _as_json(bundle: Bundle) -> str:
    kits = [
        {
            "kit": made.kit.name,
            "file": str(made.file),
            "changed": made.changed,
            "secret": made.kit.secret,
        }
        for made in bundle.kits
    ]
    return json.dumps({"signer": bundle.signer, "kits": kits})
