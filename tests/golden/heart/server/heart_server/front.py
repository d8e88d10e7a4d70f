"""The server's front: admitted sites, and they alone, reach the SuperLink through the gateway."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from .addresses import StartError
from .gateway_process import gateway_process
from .keyring import KEYS_FILE, Keyring, KeyringError
from .registration import Registration
from .superlink_nodes import SuperLinkNodes
from .superlink_process import SuperLinkProcess


@contextmanager
def open_to_sites(
    port: socket.socket, superlink: SuperLinkProcess, state: Path
) -> Iterator[Callable[[int], str | None]]:
    """Serve the sites of ``state``'s keys.json at ``port``; yield what names a node's site.

    Raises StartError.
    """
    keyring = Keyring(state / KEYS_FILE)
    certificates = superlink.certificates
    with ExitStack() as stack:
        nodes = stack.enter_context(SuperLinkNodes(superlink.address, certificates.ca))
        registration = Registration(nodes, keyring)
        try:
            stack.enter_context(registration.kept())
        except KeyringError as error:
            raise StartError(f"{error}: put a good copy there, or remove it") from error
        except httpx.HTTPError as error:
            raise StartError(f"the SuperLink does not take the sites' keys: {error}") from error
        stack.enter_context(gateway_process(port, superlink.address, certificates, state))
        yield registration.site_of
