"""The sites of a round as Flower's strategies see them: a Grid with their nodes alone."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

_MOST_LOOKS = 8
_COUNTS = ("min_available_nodes", "min_train_nodes", "min_evaluate_nodes")


class EndlessWait(Exception):
    """A strategy waits for more sites than take part."""


class SiteView(Grid):
    """A Grid over the nodes of ``sites``, in order of the sites' names.

    Flower's ``sample_nodes`` asks again every second, without end, until there are as many nodes
    as the strategy wants. Here it gets an error instead.
    """

    def __init__(self, grid: Grid, sites: Mapping[str, int]) -> None:
        self._grid = grid
        self._nodes = list(sites.values())
        self._looks = 0

    def get_node_ids(self) -> Iterable[int]:
        """Return the nodes of this round's sites; raises EndlessWait."""
        self._looks += 1
        if self._looks > _MOST_LOOKS:
            raise EndlessWait(
                f"the strategy waits for more sites than the {len(self._nodes)} that take part: "
                "lower its min_available_nodes"
            )
        return list(self._nodes)

    def set_run(self, run: object) -> None:
        """Pass on."""
        self._grid.set_run(run)  # type: ignore[arg-type]

    @property
    def run(self) -> object:  # type: ignore[override]
        """Pass on."""
        return self._grid.run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Pass on."""
        return self._grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Pass on."""
        return self._grid.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Pass on."""
        return self._grid.pull_messages(message_ids)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Pass on."""
        return self._grid.send_and_receive(messages, timeout=timeout)


@contextmanager
def sampling(strategy: Strategy, sites: Mapping[str, int], *seed: object) -> Iterator[None]:
    """Let ``strategy`` sample among ``sites``: the same ones for the same ``seed``.

    Flower samples with Python's global generator, whose state is put back afterwards, and wants
    at least the strategy's own counts of nodes, which are cut to the sites that are there.
    """
    state = random.getstate()
    counts = {name: getattr(strategy, name) for name in _COUNTS if hasattr(strategy, name)}
    text = ":".join(str(part) for part in seed)
    random.seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
    try:
        for name, count in counts.items():
            setattr(strategy, name, min(count, len(sites)))
        yield
    finally:
        for name, count in counts.items():
            setattr(strategy, name, count)
        random.setstate(state)
