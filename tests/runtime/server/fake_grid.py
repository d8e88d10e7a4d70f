"""A Grid in memory with sites that do as they are told. Replies are ready when they are due."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
from flwr.app import (
    Array,
    ArrayRecord,
    ConfigRecord,
    Error,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

Reply = Callable[[Message], RecordDict | Error | None]


def shifted(arrays: ArrayRecord, by: float) -> ArrayRecord:
    """Every entry plus ``by``, in its own type."""
    return ArrayRecord(
        {
            name: Array(np.asarray((array.numpy() + by).astype(array.dtype)))
            for name, array in arrays.items()
        }
    )


@dataclass
class FakeSite:
    """A site that adds ``step`` to every weight and evaluates to its ``accuracy``."""

    name: str
    digest: str
    examples: int = 10
    step: float = 1.0
    accuracy: float = 0.5
    train: Reply | None = None
    evaluate: Reply | None = None
    delay: float = 0.0
    online_from: int = 0
    flwr: str = field(default_factory=lambda: version("flwr"))
    got: list[Message] = field(default_factory=list)

    def answer(self, message: Message) -> RecordDict | Error | None:
        self.got.append(message)
        kind = message.metadata.message_type
        if kind == "query":
            return self.who(message)
        if kind == "evaluate":
            return (self.evaluate or self.evaluated)(message)
        return (self.train or self.trained)(message)

    def who(self, message: Message) -> RecordDict | Error:
        if message.content["config"]["digest"] != self.digest:
            return Error(code=2, reason="another client package is installed here")
        said = {"site": self.name, "digest": self.digest, "python": "3", "torch": "2"}
        return RecordDict({"site": ConfigRecord({**said, "flwr": self.flwr, "package": "1.0.0"})})

    def trained(self, message: Message) -> RecordDict:
        content: dict[str, Any] = {
            "arrays": shifted(message.content["arrays"], self.step),
            "metrics": MetricRecord({"num-examples": self.examples, "loss": 0.25}),
            "timing": MetricRecord({"train-seconds": 0.5, "evaluate-seconds": 0.25}),
        }
        if message.content["config"]["evaluate"]:
            content["evaluation"] = self.numbers()
        return RecordDict(content)

    def evaluated(self, _message: Message) -> RecordDict:
        return RecordDict({"metrics": self.numbers()})

    def numbers(self) -> MetricRecord:
        return MetricRecord({"num-examples": self.examples, "accuracy": self.accuracy})


class FakeGrid(Grid):
    """Sites by node id; a site is online after ``online_from`` looks at the nodes."""

    def __init__(self, sites: Iterable[FakeSite], first_node: int = 100) -> None:
        # Messages are stamped with it; a real engine gets it from the SuperLink.
        TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1
        # Nodes are numbered against the order of the names, so that relying on it would show.
        self.sites = dict(zip(itertools.count(first_node, -1), sites, strict=False))
        self.gone: set[int] = set()
        # Nodes that work on something and take no message, and when each node came.
        self.busy: set[int] = set()
        self.activated: dict[int, str] = {}
        self._looks = 0
        self._ids = itertools.count(1)
        self._ready: dict[str, tuple[float, Message]] = {}
        self._queued: list[Message] = []
        self._waiting: list[tuple[threading.Event, str, Message]] = []

    def node(self, name: str) -> int:
        return next(node for node, site in self.sites.items() if site.name == name)

    def get_node_ids(self) -> list[int]:
        self._looks += 1
        return [
            node
            for node, site in self.sites.items()
            if site.online_from < self._looks and node not in self.gone
        ]

    def get_nodes(self) -> list[NodeInfo]:
        return [
            NodeInfo(node_id=node, last_activated_at=self.activated.get(node, ""))
            for node in self.get_node_ids()
        ]

    def later(self, message: Message, content: RecordDict, when: threading.Event) -> None:
        """Have the reply to a message ready as soon as an event is set."""
        reply = Message(content, reply_to=message)
        self._waiting.append((when, message.metadata.message_id, reply))

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        return [self._push(message) for message in messages]

    def _push(self, message: Message) -> str:
        message_id = f"message-{next(self._ids)}"
        message.metadata.__dict__["_message_id"] = message_id
        node = message.metadata.dst_node_id
        site = self.sites[node]
        if node in self.busy:
            self._queued.append(message)
        else:
            self._answer(site, message)
        return message_id

    def _answer(self, site: FakeSite, message: Message) -> None:
        content = site.answer(message)
        if content is not None:
            reply = Message(content, reply_to=message)
            delay = 0.0 if message.metadata.message_type == "query" else site.delay
            self._ready[message.metadata.message_id] = (time.monotonic() + delay, reply)

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        for message in [m for m in self._queued if m.metadata.dst_node_id not in self.busy]:
            self._queued.remove(message)
            self._answer(self.sites[message.metadata.dst_node_id], message)
        now = time.monotonic()
        for when, message_id, reply in self._waiting:
            if when.is_set():
                self._ready.setdefault(message_id, (now, reply))
        due = [i for i in message_ids if i in self._ready and self._ready[i][0] <= now]
        return [self._ready.pop(i)[1] for i in due]

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> Any:
        raise AssertionError("send_and_receive sleeps for seconds: it must not be used")

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        raise AssertionError("deprecated")

    def set_run(self, run: Any) -> None:
        raise AssertionError("not needed")

    @property
    def run(self) -> Any:
        raise AssertionError("not needed")
