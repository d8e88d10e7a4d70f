"""A running server for a site's line to it, and what passes between the two."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

from tests.runtime.processes import wait_for

_numbers = itertools.count(1)


class Link:
    """A running SuperLink behind its gateway, with the server's end of it."""

    def __init__(self, address: str, process: Any, superlink: Any, front: Any, state: Path) -> None:
        self.address = address
        self.ca: Path = process.certificates.ca
        self.superlink = superlink
        self.front = front
        self._state = state

    def admittance(self, *, admitted: bool = True) -> Any:
        """A new site with a key of its own."""
        from line_client.admittance import Admittance  # type: ignore[import-not-found]
        from line_client.identity import ensure_identity  # type: ignore[import-not-found]

        site = f"site-{next(_numbers)}"
        folder = self._state / "sites" / site
        made = Admittance(ensure_identity(folder), folder)
        if admitted:
            self.admit(site, made)
        return made

    def admit(self, site: str, admittance: Any) -> None:
        from line_server.admission import admit_key  # type: ignore[import-not-found]
        from line_server.site_keys import openssh_line  # type: ignore[import-not-found]

        admit_key(site, openssh_line(admittance.identity.public), self._state)


@contextmanager
def started(state: Path, address: str = "127.0.0.1:0") -> Iterator[Link]:
    from line_server.addresses import (  # type: ignore[import-not-found]
        parse_address,
        taken_port,
    )
    from line_server.front import open_to_sites  # type: ignore[import-not-found]
    from line_server.superlink import SuperLink  # type: ignore[import-not-found]
    from line_server.superlink_process import (  # type: ignore[import-not-found]
        superlink_process,
    )

    with (
        taken_port(*parse_address(address)) as public,
        superlink_process("127.0.0.1:0", state) as process,
        closing(
            SuperLink(process.address, process.certificates.ca, process.secret, process.alive)
        ) as superlink,
    ):
        superlink.wait_until_ready(60)
        with open_to_sites(public, process, state) as front:
            reached = f"127.0.0.1:{public.getsockname()[1]}"
            yield Link(reached, process, superlink, front, state)


def letter(node: int, size: int = 4) -> Message:
    weights = ArrayRecord({"w": Array(np.arange(size, dtype=np.float32))})
    return Message(RecordDict({"arrays": weights, "config": ConfigRecord({"a": 1})}), node, "train")


def pulled(fleet: Any) -> Message:
    found: list[Message] = []
    wait_for(lambda: found or ((message := fleet.receive()) and not found.append(message)))
    return found[0]


def answers(grid: Any, ids: Any) -> list[Message]:
    replies: list[Message] = []
    wait_for(lambda: replies.extend(grid.pull_messages(ids)) or replies)
    return replies


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that answers each connection and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
