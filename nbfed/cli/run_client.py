"""``nbfed run-client``: be one site of a federation."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbfed.cli.admission import told
from nbfed.cli.options import BuildFolder
from nbfed.errors import FederationFailed, UsageError

if TYPE_CHECKING:
    from nbfed.emit import Build
    from nbfed.federation.schema import Federation

CERTIFICATE_SECONDS = 90.0
EXAMPLE = "Example: nbfed run-client --site cleveland"


def command(
    site: Annotated[str, typer.Option(metavar="NAME", help="The site's name in federation.yaml.")],
    build_folder: BuildFolder = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where the server is. (default: federation.yaml's server.address)",
            show_default=False,
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The certificate that vouches for the server. (default: the one that "
            "run-server made in this folder)",
            show_default=False,
        ),
    ] = None,
    patience: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, help="How long to try a server that does not answer."
        ),
    ] = 120.0,
    stay: Annotated[
        bool, typer.Option("--stay", help="Wait for the next run when one has ended.")
    ] = False,
) -> None:
    """Take part in a federation as one site: train on its data, send weights and metrics.

    The values for the notebook's site cells come from federation.yaml. Beside the server's own
    folder, the site makes a key and is admitted by itself; with --ca, it has to be admitted. Who
    runs this command approves the build that it runs, and the site's audit log says so. A hospital
    on its own machine installs the client package instead, and has a site.yaml.
    """
    from nbfed.builds import (
        federation_of,
        find_build,
        make_importable,
        notebook_folder,
        state_folder,
    )
    from nbfed.cli.admission import admit_here
    from nbfed.progress.site import shown_site
    from nbfed.threads import threads_for

    build = find_build(build_folder)
    federation, file = federation_of(build)
    config = _node_config(federation, site, file)
    make_importable(build.client)
    node = importlib.import_module(f"{build.names.client_package}.site_node")
    state = state_folder(build) / "sites" / site
    certificate = _certificate(build, federation, ca, patience)
    if ca is None:
        # The server is this folder's own.
        admit_here(build, site)
    _approve(build, state)
    with shown_site(site, build.names.client_package):
        code = node.run_site(
            site,
            config,
            address=server or federation.server.address,
            ca=certificate,
            workdir=notebook_folder(build),
            state_dir=state,
            threads=threads_for(len(federation.sites)),
            device=federation.sites[site].device,
            patience=patience,
            stay=stay,
            source=str(file or "federation.yaml"),
            policy=_policy(build),
            contract=_contract(build),
        )
    raise typer.Exit(code)


def _node_config(federation: Federation, site: str, file: Path | None) -> dict[str, Any]:
    if site not in federation.sites:
        from nbfed.federation.errors import nearest

        raise UsageError(
            f"{file or 'federation.yaml'} has no site {site}", hint=nearest(site, federation.sites)
        )
    return {"site": site, **federation.sites[site].node_config()}


def _approve(build: Build, state: Path) -> None:
    """Write down that whoever typed the command lets this very build run; raises NbfedError."""
    approval = importlib.import_module(f"{build.names.client_package}.approval")
    site_error = importlib.import_module(f"{build.names.client_package}.exits").SiteError
    told(site_error, approval.approve_by_running)(state, "run-client")


def _policy(build: Build) -> Any:
    """A site's own rules are in its site.yaml, which is for hospitals; here is the coordinator."""
    policy = importlib.import_module(f"{build.names.client_package}.policy")
    return policy.Policy(downloads=True)


def _contract(build: Build) -> Path | None:
    """The folder of the data contract, if that is of this build and of no earlier one."""
    from nbfed.contract import read_contract

    contract = read_contract(build)
    return contract.file.resolve().parent if contract and contract.is_current else None


def _certificate(
    build: Build, federation: Federation, given: Path | None, patience: float
) -> Path | None:
    from nbfed.builds import state_folder

    if not federation.server.tls:
        return None
    file = given or state_folder(build) / "pki" / "ca.pem"
    # Server and sites may be started in one go, and the server's first act is to make this file.
    end = time.monotonic() + (0.0 if given else min(patience, CERTIFICATE_SECONDS))
    if not (given or file.is_file()):
        typer.echo(f"waiting for run-server to make {file}", err=True)
    while not file.is_file() and time.monotonic() < end:
        time.sleep(0.2)
    if not file.is_file():
        raise FederationFailed(
            f"there is no certificate {file}",
            hint="start `nbfed run-server` in this folder first, which makes it, or copy the "
            "server's ca.pem here and name it with --ca",
        )
    return file
