"""Make the kits of a build: what touches the disk, pip and keys, in order."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbfed.admission import call
from nbfed.builds import state_folder
from nbfed.bundle.archive import write_kit
from nbfed.bundle.coordinator import ensure_authority, ensure_signer
from nbfed.bundle.downloads import download
from nbfed.bundle.kit import Kit
from nbfed.bundle.kits import SERVER, Plan, Program, server_kit, site_kit
from nbfed.bundle.page import notebook_page
from nbfed.bundle.target import Target
from nbfed.bundle.wheels import build_wheel
from nbfed.contract import read_contract
from nbfed.emit.stage_module import generated_note
from nbfed.errors import NbfedError
from nbfed.federation.schema import SITE_NAME, SITE_NAME_HINT
from nbfed.read.notebook import read_notebook
from nbfed.read.regions import find_regions

if TYPE_CHECKING:
    from nbfed.compilation import Compiled
    from nbfed.emit import Build
    from nbfed.program import Program as Compilation

KEYS_FILE = "keys.json"


@dataclass(frozen=True)
class Wanted:
    """Which kits, and what is in them; ``only`` leaves out the server's and all other sites'."""

    sites: tuple[str, ...]
    only: bool
    address: str
    hosts: tuple[str, ...]
    target: Target
    offline: bool
    constraint: Path | None
    deploy: bool


@dataclass(frozen=True)
class Made:
    """A kit on disk; ``changed`` is False where the file held these very bytes already."""

    kit: Kit
    file: Path
    changed: bool


@dataclass(frozen=True)
class Bundle:
    """The kits that were made, and the fingerprint of the key that they are signed with."""

    signer: str
    kits: tuple[Made, ...]


def make_kits(
    build: Build,
    program: Compilation,
    compiled: Compiled,
    wanted: Wanted,
    out: Path,
    *,
    force: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Write the kits into ``out``; ``tell`` hears what takes time.

    The certificates and the coordinator's key are those of the federation's state folder, made
    there if they are not there yet. Raises NbfedError and OutputRefused.
    """
    _check(wanted.sites)
    state = state_folder(build)
    # First, since it makes the state folder private.
    signer = ensure_signer(state)
    plan = Plan(
        federation=build.names.name,
        generated=generated_note(program),
        target=wanted.target,
        offline=wanted.offline,
        deploy=wanted.deploy,
        address=wanted.address,
        hosts=wanted.hosts,
        signer=signer,
        authority=ensure_authority(build, state, wanted.hosts),
    )
    made = []
    with _workshop(out) as workshop:
        kits = _kits(build, compiled, plan, wanted, workshop, tell)
        for kit in kits:
            file = out / f"{kit.name}.zip"
            made.append(Made(kit, file, write_kit(kit, file, force=force)))
    return Bundle(signer.fingerprint, tuple(made))


def _check(sites: Sequence[str]) -> None:
    for site in sites:
        # One that is named on the command line has not been looked at yet.
        if not SITE_NAME.fullmatch(site):
            raise NbfedError(f"{site!r} cannot name a site", hint=SITE_NAME_HINT)
        if site.casefold() == SERVER:
            raise NbfedError(
                f"the kit of a site named {site} would have the name of the server's",
                hint="give the site another name",
            )


@contextmanager
def _workshop(out: Path) -> Iterator[Path]:
    """A folder for wheels beside the kits: they may be too large for the system's own place."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wheels-", dir=out) as folder:
        yield Path(folder)


def _kits(
    build: Build,
    compiled: Compiled,
    plan: Plan,
    wanted: Wanted,
    workshop: Path,
    tell: Callable[[str], None],
) -> Iterator[Kit]:
    digests = build.manifest
    if not wanted.only:
        server = _program(build, SERVER, digests.server_digest, wanted, workshop, tell)
        keys = state_folder(build) / KEYS_FILE
        yield server_kit(
            plan,
            server,
            keys=keys.read_bytes() if keys.is_file() else None,
            admitted=call(build, "admitted"),
        )
    client = _program(build, "client", digests.client_digest, wanted, workshop, tell)
    contract = _contract(build)
    for site in wanted.sites:
        yield site_kit(
            plan,
            site,
            client,
            example=(build.client / "site.example.yaml").read_bytes(),
            page=_page(build, compiled),
            contract=contract,
        )


def _program(
    build: Build,
    folder: str,
    digest: str,
    wanted: Wanted,
    workshop: Path,
    tell: Callable[[str], None],
) -> Program:
    """The package of one folder of the build, from the files that nbfed wrote, and no others."""
    prefix = f"{folder}/"
    project = {
        path.removeprefix(prefix): (build.folder / path).read_bytes()
        for path in build.manifest.files
        if path.startswith(prefix)
    }
    wheel = build_wheel(project, workshop / folder)
    if not wanted.offline:
        return Program(wheel, digest, ())
    tell(f"fetching the wheels that {wheel.name} needs on {wanted.target.platform}")
    needed = map(str, wheel.requires)
    store = workshop / f"{folder}-needs"
    return Program(wheel, digest, download(needed, wanted.target, wanted.constraint, store))


def _contract(build: Build) -> bytes | None:
    """What `nbfed contract` said of this very package's data, if anybody has asked it."""
    found = read_contract(build)
    if found is None:
        return None
    if not found.is_current:
        raise NbfedError(
            f"{found.file} is not about this build: the code has changed since",
            hint="make it anew with nbfed contract, or delete it: a kit need not have one",
        )
    return found.file.read_bytes()


def _page(build: Build, compiled: Compiled) -> bytes:
    sources = compiled.sources
    notebook, _ = read_notebook(sources.data, sources.notebook.name)
    if notebook is None:
        raise NbfedError(f"{sources.notebook} cannot be read", hint="nbfed check says why")
    regions, _ = find_regions(notebook)
    mapped = json.loads((build.client / build.names.client_package / "sourcemap.json").read_bytes())
    return notebook_page(
        notebook,
        regions,
        mapped,
        federation=build.names.name,
        digest=build.manifest.client_digest,
    )
