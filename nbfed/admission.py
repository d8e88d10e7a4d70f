"""What the commands share that let sites in and out: the server package's own admission."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from nbfed.errors import NbfedError

if TYPE_CHECKING:
    from nbfed.emit import Build

P = ParamSpec("P")
T = TypeVar("T")


def call(build: Build, name: str, *arguments: Any) -> Any:
    """Call a function of the build's ``admission`` module on this folder's server state.

    Raises NbfedError with the reason why a site cannot be let in or out.
    """
    from nbfed.builds import make_importable, state_folder

    make_importable(build.server)
    module = importlib.import_module(f"{build.names.server_package}.admission")
    return told(module.AdmissionError, getattr(module, name))(*arguments, state_folder(build))


def admit_here(build: Build, site: str) -> None:
    """Let a site of this machine in, with its own key; one is made if there is none.

    Whoever can write into the server's folder may admit whom they like, so that this asks for
    nothing. Raises NbfedError.
    """
    from nbfed.builds import make_importable, state_folder

    make_importable(build.client)
    package = build.names.client_package
    identity = importlib.import_module(f"{package}.identity")
    site_error = importlib.import_module(f"{package}.exits").SiteError
    folder = state_folder(build) / "sites" / site
    own = told(site_error, identity.ensure_identity)(folder)
    line = importlib.import_module(f"{package}.site_keys").openssh_line(own.public)
    call(build, "admit_key", site, line)


def told(error: type[Exception], function: Callable[P, T]) -> Callable[P, T]:
    """Let ``function`` raise NbfedError where it raises ``error``."""

    def wrapped(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return function(*arguments, **named)
        except error as reason:
            raise NbfedError(str(reason)) from reason

    return wrapped
