"""Replies as they arrive: each is announced first, and its parts come while others are awaited.

Like ``superlink_grid``, its caller, this module uses names of Flower that are not public.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from flwr.app import Message
from flwr.proto.message_pb2 import Metadata, ObjectTree
from flwr.supercore.inflatable.inflatable_object import iterate_object_tree
from flwr.supercore.inflatable.inflatable_utils import ObjectPullError, ObjectUnavailableError

from .heap import forget_all
from .part_store import PartStore
from .parts import BrokenMessage, Pull, pull_message

# The parts that are not there yet are asked for again this often.
_PART_FIRST_SECONDS, _PART_MOST_SECONDS = 0.02, 0.5
_REPLIES_AT_ONCE = 8
_ARRIVAL_SECONDS = 0.1
# A site that sent nothing for so long, in the middle of a reply, does not send the rest.
_SILENCE_SECONDS = 180.0
_LOOK_SECONDS = 0.5


class Source(Protocol):
    """Where the parts of a reply are."""

    def pull(self, part: str) -> bytes:
        """Return a part; raises ObjectUnavailableError for not yet, ObjectPullError for never."""

    def drop(self, part: str) -> None:
        """Forget a part, if it is there."""


@dataclass(frozen=True)
class FromSuperLink:
    """A source of what is with the SuperLink, which forgets its parts by itself."""

    pull: Pull

    def drop(self, part: str) -> None:
        """Leave it."""


class FromSite:
    """A source of what a site has sent, or will have sent soon."""

    def __init__(self, parts: PartStore, site: str) -> None:
        self._parts = parts
        self._site = site
        self._began = time.monotonic()

    def pull(self, part: str) -> bytes:
        """Return a part, as Source has it; what a silent site has not sent never comes."""
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


class Arrivals:
    """Replies that were announced, by the ids of the messages that they answer.

    ``arrived`` is called, by another thread, when one is here.
    """

    def __init__(self, arrived: Callable[[], None]) -> None:
        self._arrived = arrived
        self._fetchers = concurrent.futures.ThreadPoolExecutor(_REPLIES_AT_ONCE)
        self._arriving: dict[str, concurrent.futures.Future[Message | None]] = {}

    def close(self) -> None:
        """Begin with no other reply."""
        self._fetchers.shutdown(wait=False, cancel_futures=True)

    def __contains__(self, answered: str) -> bool:
        return answered in self._arriving

    def expect(
        self, about: Metadata, tree: ObjectTree, source: Source, confirm: Callable[[str], None]
    ) -> None:
        """Fetch the reply of ``tree`` from ``source``, and ``confirm`` it when it is here."""
        fetched = self._fetchers.submit(_fetch, about.message_id, tree, source, confirm)
        self._arriving[about.reply_to_message_id] = fetched
        fetched.add_done_callback(lambda _: self._arrived())

    def take(self, answered: Sequence[str]) -> dict[str, Message | None]:
        """Return those that are here, None for one whose sender did not send it all.

        Waits a moment if there is none.
        """
        wanted = {key: self._arriving[key] for key in answered if key in self._arriving}
        concurrent.futures.wait(
            wanted.values(), _ARRIVAL_SECONDS, return_when=concurrent.futures.FIRST_COMPLETED
        )
        return {key: self._arriving.pop(key).result() for key, one in wanted.items() if one.done()}


def _fetch(
    message_id: str, tree: ObjectTree, source: Source, confirm: Callable[[str], None]
) -> Message | None:
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
