"""Flower's grid over HTTP, made fit for a loop with deadlines.

Like ``superlink`` this module uses names of Flower that are not public. Flower's own
``HttpGrid`` tries a SuperLink that is gone for ever, sends this process a SIGINT when its token is
refused, and waits, a second at a time and up to two hours, for a reply that is still on its way,
while the replies of other sites lie there. Here none of these calls waits for a site.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import httpx
from flwr.app import ArrayRecord, Message
from flwr.app.message import remove_content_from_message
from flwr.common.serde import message_to_proto, run_from_proto
from flwr.proto.message_pb2 import ConfirmMessageReceivedRequest, ObjectTree
from flwr.proto.node_pb2 import NodeInfo
from flwr.proto.runtime_pb2 import (
    PullAppMessagesRequest,
    PullTaskInputRequest,
    PushAppMessagesRequest,
    PushTaskOutputRequest,
)
from flwr.supercore.inflatable.inflatable_object import get_object_tree, iterate_object_tree
from flwr.supercore.inflatable.inflatable_protobuf_utils import make_pull_object_fn_protobuf
from flwr.supercore.inflatable.inflatable_utils import ObjectPullError, ObjectUnavailableError
from flwr.supercore.retry import RetryInvoker, exponential
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.grid import HttpGrid

from .front import Front
from .heap import forget_all, share_heaps
from .offering import parts_of
from .part_store import PartStore
from .parts import BrokenMessage, Pull, pull_message
from .wire import PACKED, pack

P = ParamSpec("P")
T = TypeVar("T")

_RETRY_SECONDS = 30.0
_WORTH_A_RETRY = (502, 503, 504)
# A reply is announced before its parts are there; they are asked for again this often.
_PART_FIRST_SECONDS, _PART_MOST_SECONDS = 0.02, 0.5
_REPLIES_AT_ONCE = 8
_ARRIVAL_SECONDS = 0.1
# A site that sent nothing for so long, in the middle of a reply, does not send the rest.
_SILENCE_SECONDS = 180.0
_LOOK_SECONDS = 0.5


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
        self._fetchers = concurrent.futures.ThreadPoolExecutor(_REPLIES_AT_ONCE)
        self._arriving: dict[str, concurrent.futures.Future[Message | None]] = {}

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
        self._fetchers.shutdown(wait=False, cancel_futures=True)
        self.close()

    @_told_as_lost
    def get_nodes(self) -> Iterable[NodeInfo]:
        """Return the nodes that are online."""
        return super().get_nodes()

    @_told_as_lost
    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages; return an id for each, None where one was refused."""
        sent = list(messages)
        with _packed(sent) as self._sources:
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
        asked = [message_id for message_id in wanted if message_id not in self._arriving]
        if asked:
            self._announced(asked)
        arriving = [self._arriving[key] for key in wanted if key in self._arriving]
        concurrent.futures.wait(
            arriving, _ARRIVAL_SECONDS, return_when=concurrent.futures.FIRST_COMPLETED
        )
        done = [key for key in wanted if key in self._arriving and self._arriving[key].done()]
        replies = [self._arriving.pop(key).result() for key in done]
        for key in done:
            self._parts.withdraw(key)
        return [reply for reply in replies if reply is not None]

    def _announced(self, message_ids: list[str]) -> None:
        """Ask which replies there are, and start to fetch them."""
        there = self._runtime_client.PullMessages(PullAppMessagesRequest(message_ids=message_ids))
        for message, tree in zip(there.messages_list, there.message_object_trees, strict=True):
            metadata = message.metadata
            fetched = self._fetchers.submit(
                self._fetch, tree, metadata.message_id, self._site_of(metadata.src_node_id)
            )
            self._arriving[metadata.reply_to_message_id] = fetched

    def _fetch(self, tree: ObjectTree, message_id: str, site: str | None) -> Message | None:
        """Fetch a reply's parts; None if its sender did not send them all."""
        source = _FromSite(self._parts, site) if site else self._from_superlink()
        run_id = self.run.run_id

        def confirm(object_id: str) -> None:
            self._runtime_client.ConfirmMessageReceived(
                ConfirmMessageReceivedRequest(
                    node=self.node, run_id=run_id, message_object_id=object_id
                )
            )

        try:
            message = pull_message(
                tree,
                source.pull,
                confirm,
                drop=source.drop,
                max_tries_per_object=None,
                initial_backoff=_PART_FIRST_SECONDS,
                backoff_cap=_PART_MOST_SECONDS,
            )
        except (ObjectPullError, BrokenMessage):
            return None
        finally:
            for part in iterate_object_tree(tree):
                source.drop(part.object_id)
        forget_all()
        message.metadata.__dict__["_message_id"] = message_id
        return message

    def _from_superlink(self) -> _FromSuperLink:
        """Return the source of what is from no site: the SuperLink's own messages."""
        return _FromSuperLink(
            make_pull_object_fn_protobuf(
                self._runtime_client.PullObject, self.node, self.run.run_id
            )
        )


@dataclass(frozen=True)
class _FromSuperLink:
    """A message's parts that are with the SuperLink, which forgets them by itself."""

    pull: Pull

    def drop(self, part: str) -> None:
        """Leave it."""


class _FromSite:
    """A message's parts that a site has sent, or will have sent soon."""

    def __init__(self, parts: PartStore, site: str) -> None:
        self._parts = parts
        self._site = site
        self._began = time.monotonic()

    def pull(self, part: str) -> bytes:
        """Return a part; raises ObjectUnavailableError for not yet, ObjectPullError for never."""
        content = self._parts.wait_for(self._site, part, _LOOK_SECONDS)
        if content is not None:
            return content
        silent = time.monotonic() - max(self._began, self._parts.heard(self._site))
        if self._parts.closed or silent > _SILENCE_SECONDS:
            raise ObjectPullError(part, "the site does not send it")
        raise ObjectUnavailableError(part)

    def drop(self, part: str) -> None:
        """Forget a part."""
        self._parts.drop(self._site, part)


@contextmanager
def _packed(messages: Iterable[Message]) -> Iterator[dict[int, ArrayRecord]]:
    """Let the arrays of each message travel as one; those that messages share are packed once.

    Afterwards the messages are as they were: what is packed is a copy. Yields the records that were
    packed, by the ``id`` of the Array that each has become.
    """
    packed: dict[int, ArrayRecord] = {}
    sources: dict[int, ArrayRecord] = {}
    before = [(message, dict(message.content.array_records)) for message in messages]
    for message, records in before:
        for key, arrays in records.items():
            if id(arrays) not in packed:
                packed[id(arrays)] = pack(arrays)
                sources[id(packed[id(arrays)][PACKED])] = arrays
            message.content[key] = packed[id(arrays)]
    try:
        yield sources
    finally:
        for message, records in before:
            for key, arrays in records.items():
                message.content[key] = arrays
