"""Flower's grid over HTTP, made fit for a loop with deadlines.

Like ``superlink`` this module uses names of Flower that are not public. Flower's own
``HttpGrid`` tries a SuperLink that is gone for ever, sends this process a SIGINT when its token is
refused, and waits, a second at a time and up to two hours, for a reply that is still on its way,
while the replies of other sites lie there. Here none of these calls waits for a site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from typing import ParamSpec, TypeVar

import httpx
from flwr.app import ArrayRecord, Message
from flwr.app.message import remove_content_from_message
from flwr.common.serde import message_to_proto, run_from_proto
from flwr.proto.message_pb2 import ConfirmMessageReceivedRequest
from flwr.proto.node_pb2 import NodeInfo
from flwr.proto.runtime_pb2 import (
    PullAppMessagesRequest,
    PullTaskInputRequest,
    PushAppMessagesRequest,
    PushTaskOutputRequest,
)
from flwr.supercore.inflatable.inflatable_object import get_object_tree
from flwr.supercore.inflatable.inflatable_protobuf_utils import make_pull_object_fn_protobuf
from flwr.supercore.retry import RetryInvoker, exponential
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.grid import HttpGrid

from .arrivals import Arrivals, FromSite, FromSuperLink, Source
from .front import Front
from .heap import forget_all, share_heaps
from .offering import packed_arrays, parts_of

P = ParamSpec("P")
T = TypeVar("T")

_RETRY_SECONDS = 30.0
_WORTH_A_RETRY = (502, 503, 504)


class SuperLinkError(ConnectionError):
    """The SuperLink does not answer, or not as it should."""


def _told_as_lost(call: Callable[P, T]) -> Callable[P, T]:
    """Let a call raise SuperLinkError where Flower's raises errors of its HTTP client."""

    @wraps(call)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except httpx.HTTPError as error:
            raise SuperLinkError(f"the SuperLink does not answer any more ({error})") from error

    return wrapped


class SuperLinkGrid(HttpGrid):
    """The grid of one task; ``alive`` says if the SuperLink's process runs.

    Messages go through the SuperLink, their parts, to and from sites, through ``front``. Every
    call raises SuperLinkError when the SuperLink is gone, or silent for half a minute.
    """

    def __init__(
        self, address: str, ca: bytes, token: str, alive: Callable[[], bool], front: Front
    ) -> None:
        super().__init__(address, root_certificates=ca, token=token)
        self._parts = front.parts
        self._site_of = front.site_of
        self._sources: dict[int, ArrayRecord] = {}
        share_heaps(own_pages=True)

        def hopeless(error: Exception) -> bool:
            if isinstance(error, httpx.HTTPStatusError):
                return error.response.status_code not in _WORTH_A_RETRY
            return not alive()

        self._retry_invoker = RetryInvoker(
            lambda: exponential(base_delay=0.2, max_delay=2),
            (httpx.TransportError, httpx.HTTPStatusError),
            max_tries=None,
            max_time=_RETRY_SECONDS,
            should_giveup=hopeless,
        )
        self._arrivals = Arrivals(self._parts.tell)

    @_told_as_lost
    def begin(self) -> None:
        """Take the task's input: from here on the run counts as running."""
        task = self._runtime_client.PullTaskInput(PullTaskInputRequest())
        # Messages are stamped with these.
        TaskIdentity.task_id = task.task_id
        TaskIdentity.run_id = task.run.run_id
        TaskIdentity.node_id = task.context.node_id
        self.set_run(run_from_proto(task.run))

    def end(self, sub_status: str) -> None:
        """Tell the SuperLink how the run ended; a SuperLink that is gone need not know."""
        self._retry_invoker.max_tries = 1
        with suppress(httpx.HTTPError):
            self._runtime_client.PushTaskOutput(PushTaskOutputRequest(sub_status=sub_status))
        self.leave()

    def leave(self) -> None:
        """Take no part in the run any more, and say nothing of it."""
        self._arrivals.close()
        self.close()

    @_told_as_lost
    def get_nodes(self) -> Iterable[NodeInfo]:
        """Return the nodes that are online."""
        return super().get_nodes()

    @_told_as_lost
    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages; return an id for each, None where one was refused."""
        sent = list(messages)
        with packed_arrays(sent) as self._sources:
            ids = super().push_messages(sent)
        self._sources = {}
        forget_all()
        return ids

    def _try_push_messages(self, _run_id: int, messages: Iterable[Message]) -> list[str]:
        """Push messages as Flower does, but let the sites have their parts from here."""
        sent = list(messages)
        for message in sent:
            metadata, content = message.metadata, message.content
            size = sum(record.count_bytes() for record in content.array_records.values())
            self._parts.offer(
                metadata.message_id,
                parts_of(message, self._sources),
                size=size,
                until=metadata.created_at + metadata.ttl,
            )
        request = PushAppMessagesRequest(
            messages_list=[message_to_proto(remove_content_from_message(m)) for m in sent],
            message_object_trees=[get_object_tree(message) for message in sent],
        )
        ids = list(self._runtime_client.PushMessages(request).message_ids)
        for message, message_id in zip(sent, ids, strict=True):
            if not message_id:
                self._parts.withdraw(message.metadata.message_id)
        return ids

    @_told_as_lost
    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that are here whole; others go on arriving meanwhile."""
        wanted = list(message_ids)
        asked = [message_id for message_id in wanted if message_id not in self._arrivals]
        if asked:
            self._expect(asked)
        arrived = self._arrivals.take(wanted)
        for message_id in arrived:
            self._parts.withdraw(message_id)
        return [reply for reply in arrived.values() if reply is not None]

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds``, or until a reply begins to arrive or is here."""
        self._parts.pause(seconds)

    def _expect(self, message_ids: list[str]) -> None:
        """Ask which of these messages are answered, and let the replies come."""
        there = self._runtime_client.PullMessages(PullAppMessagesRequest(message_ids=message_ids))
        for message, tree in zip(there.messages_list, there.message_object_trees, strict=True):
            source = self._source(self._site_of(message.metadata.src_node_id))
            self._arrivals.expect(message.metadata, tree, source, self._confirm)

    def _source(self, site: str | None) -> Source:
        """Return where a site's parts are; what is from no site is the SuperLink's own."""
        if site:
            return FromSite(self._parts, site)
        call = self._runtime_client.PullObject
        return FromSuperLink(make_pull_object_fn_protobuf(call, self.node, self.run.run_id))

    def _confirm(self, message_id: str) -> None:
        self._runtime_client.ConfirmMessageReceived(
            ConfirmMessageReceivedRequest(
                node=self.node, run_id=self.run.run_id, message_object_id=message_id
            )
        )
