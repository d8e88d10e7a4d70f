"""A site on the real Fleet API, in a thread: Flower's own client, and a FakeSite that answers."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

from flwr.app import Message, RecordDict
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_utils import (
    pull_and_inflate_object_from_tree,
    push_objects,
)
from flwr.supercore.run import RunNotRunningException
from flwr.supernode.fleet_http_connection import http_request_response

from tests.runtime.modules import template_module

from .fake_grid import FakeSite

wire = template_module("shared/wire.py")


class FleetSite(threading.Thread):
    """Answers until a message says that it is the last, or until ``leave`` is called."""

    def __init__(self, address: str, ca: Path, site: FakeSite, keys: Any = None) -> None:
        super().__init__(daemon=True)
        self.site = site
        self._keys = keys
        self._address = address
        self._ca = ca.read_bytes()
        self._leave = threading.Event()

    def leave(self) -> None:
        self._leave.set()
        self.join(20)
        assert not self.is_alive()

    def run(self) -> None:
        with http_request_response(
            self._address, False, self._ca, authentication_keys=self._keys, max_wait_time=60
        ) as line:
            _, receive, send, get_run, _, pull, push, confirm = line
            run_id = None
            while not self._leave.wait(0.05):
                got = receive()
                if got is None:
                    if run_id is not None and not _runs(get_run, run_id):
                        return
                    continue
                run_id = got[0].metadata.run_id
                message = pull_and_inflate_object_from_tree(
                    got[1],
                    partial(pull, run_id),
                    partial(confirm, run_id),
                    return_type=Message,
                    initial_backoff=0.02,
                )
                message.metadata.__dict__["_message_id"] = got[1].object_id
                for key, arrays in list(message.content.array_records.items()):
                    message.content[key] = wire.unpack(arrays)
                content = self.site.answer(message)
                if content is not None:
                    if isinstance(content, RecordDict):
                        for key, arrays in list(content.array_records.items()):
                            content[key] = wire.pack(arrays)
                    reply = Message(content, reply_to=message)
                    with no_object_id_recompute():
                        reply.metadata.__dict__["_message_id"] = reply.object_id
                        wanted, session = send(reply, get_object_tree(reply), 0.0)
                        push_objects(
                            get_all_nested_objects(reply),
                            partial(push, run_id, session),
                            object_ids_to_push=wanted,
                        )


def _runs(get_run, run_id: int) -> bool:
    try:
        get_run(run_id)
    except RunNotRunningException:
        return False
    return True
