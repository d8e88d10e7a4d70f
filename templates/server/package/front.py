"""The server's front: admitted sites, and they alone, reach the SuperLink through the gateway."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from .addresses import StartError
from .gateway_process import gateway_process
from .keyring import KEYS_FILE, Keyring, KeyringError
from .part_service import part_service
from .part_store import PartStore
from .registration import Registration
from .superlink_nodes import SuperLinkNodes
from .superlink_process import SuperLinkProcess


@dataclass(frozen=True)
class Front:
    """What names a node's site, and the parts of messages to and from the sites."""

    site_of: Callable[[int], str | None]
    parts: PartStore


@contextmanager
def open_to_sites(port: socket.socket, superlink: SuperLinkProcess, state: Path) -> Iterator[Front]:
    """Serve the sites of ``state``'s keys.json at ``port``. Raises StartError."""
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
        store = PartStore()
        service = stack.enter_context(part_service(store, registration.site_of))
        stack.enter_context(gateway_process(port, superlink.address, service, certificates, state))
        yield Front(registration.site_of, store)
