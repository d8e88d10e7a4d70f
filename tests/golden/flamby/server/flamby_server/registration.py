"""Keep the SuperLink's nodes the same as keys.json, and say which node is which site's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from .keyring import Keyring, KeyringError
from .superlink_nodes import SuperLinkNodes

_LOOK_SECONDS = 0.2

_log = logging.getLogger(__name__)


class Registration:
    """The nodes of the admitted sites.

    A site's name is bound to its key here: the SuperLink lets a node act only with the key that
    it was registered with, so the number of a node says which site it is, whatever it says.
    """

    def __init__(self, nodes: SuperLinkNodes, keyring: Keyring) -> None:
        self._nodes = nodes
        self._keyring = keyring
        self._last: Mapping[bytes, str] | None = None
        self._site_of: dict[int, str] = {}

    def site_of(self, node: int) -> str | None:
        """Return the admitted site whose node this is, or None."""
        return self._site_of.get(node)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Register what keys.json holds now, and follow it as long as the block lasts.

        Raises KeyringError or httpx.HTTPError where that fails at first.
        """
        self.update()
        stop = threading.Event()
        thread = threading.Thread(target=self._follow, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def update(self) -> None:
        """Make the SuperLink's nodes those of keys.json; raises KeyringError or httpx.HTTPError."""
        admitted = self._keyring.admitted()
        if admitted is self._last:
            return
        there = self._nodes.all()
        for key in there.keys() - admitted.keys():
            self._nodes.unregister(there.pop(key))
        self._site_of = {node: admitted[key] for key, node in there.items()}
        for key in admitted.keys() - there.keys():
            self._site_of[self._nodes.register(key)] = admitted[key]
        self._last = admitted

    def _follow(self, stop: threading.Event) -> None:
        told = ""
        while not stop.wait(_LOOK_SECONDS):
            try:
                self.update()
            except (KeyringError, httpx.HTTPError) as error:
                # The gateway keeps revoked keys out by itself; we try again.
                if str(error) != told:
                    _log.warning("the admitted sites are not up to date: %s", error)
                told = str(error)
            else:
                told = ""
