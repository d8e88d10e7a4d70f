"""A Flower Grid without a network: sites live in warm worker processes of this machine."""

from __future__ import annotations

import atexit
import itertools
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from nbfed.engine.pinning import devices_of, pinned
from nbfed.engine.processes import Worker, WorkerError
from nbfed.engine.worker import Scalar, Setup, Task
from nbfed.threads import threads_for

__all__ = ["POOLED", "EmbeddedGrid", "GridView", "WorkerError"]

POOLED = "pooled"

_RUN_ID = 1
_SERVER_NODE = 1
_FIRST_SITE_NODE = 2
# Seconds for which a pull waits for a reply, so that no caller has to poll in between.
_PULL_WAIT = 0.05


class EmbeddedGrid(Grid):
    """All sites of a federation on this machine; a context manager.

    ``nodes`` maps each site to its node configuration. Sites are pinned to ``workers`` processes
    (by default as many as there are cores, at most one a site) by the order of their names.
    Relative paths are looked up from ``workdir``. With ``pooled`` there is another site of that
    name, for ``only`` alone, which holds the data of all. What sites print and what fails there
    goes to files in ``log_dir``. ``devices`` are the sites' own, "auto" by default: a process has
    one, so there is a process for each of them at least.

    Raises WorkerError on first use if the client package cannot be loaded.
    """

    def __init__(
        self,
        client_path: Path,
        package: str,
        nodes: Mapping[str, Mapping[str, Scalar]],
        *,
        workdir: Path,
        workers: int | None = None,
        threads: int | None = None,
        pooled: bool = False,
        log_dir: Path | None = None,
        devices: Mapping[str, str] | None = None,
    ) -> None:
        cores = os.cpu_count() or 1
        sites = sorted(nodes)
        self._sites = sites
        names = [*sites, POOLED] if pooled else sites
        self._devices = devices_of(names, devices or {})
        self._pinned = pinned(self._devices, max(1, min(workers or cores, len(sites))))
        # Not a matter of the number of workers: sums may differ in their last bits with it.
        self._threads = threads or threads_for(len(sites))
        self._client_path = client_path.resolve()
        self._package = package
        self._workdir = workdir.resolve()
        self._log_dir = log_dir
        # Baselines exchange whole models, whatever the federation keeps at its sites.
        self._nodes = {site: {"site": site, "exchange-all": True, **nodes[site]} for site in sites}
        self._pooled = pooled
        self._node_ids = {site: number for number, site in enumerate(names, _FIRST_SITE_NODE)}
        self._names = {number: site for site, number in self._node_ids.items()}
        self._workers: list[Worker] = []
        self._numbers = itertools.count(1)
        self._replies: dict[str, Message] = {}
        self._arrived = threading.Condition()
        self._run = Run.create_empty(_RUN_ID)

    def __enter__(self) -> Self:
        # A message states who wrote it; there is but one server in this process.
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = _RUN_ID, _SERVER_NODE, 1
        count = max(self._pinned) + 1
        self._workers = [Worker(self._setup(index), self._deliver) for index in range(count)]
        atexit.register(self.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all worker processes."""
        atexit.unregister(self.close)
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.close()

    @property
    def pids(self) -> list[int]:
        """The ids of the worker processes; sites are dealt out to them in turn."""
        return [worker.pid for worker in self._workers]

    def wait_until_ready(self) -> None:
        """Return when every worker has loaded the client package; raises WorkerError."""
        for worker in self._workers:
            worker.wait_until_ready()

    def only(self, sites: Iterable[str]) -> GridView:
        """Return a Grid of some of the sites, for a run of its own."""
        return GridView(self, [self._node_ids[site] for site in sites])

    def set_run(self, run: Run) -> None:
        """Set the run that ``run`` returns."""
        self._run = run

    @property
    def run(self) -> Run:
        """What Flower calls the run."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Make a message (Flower has deprecated this in favour of ``Message``)."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Return the sites' nodes, in order of the sites' names."""
        self.wait_until_ready()
        return [self._node_ids[site] for site in self._sites]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Hand each message to its site's worker; return their ids."""
        ids = []
        for message in messages:
            message_id = f"{next(self._numbers):064x}"
            message.metadata.__dict__["_message_id"] = message_id
            node_id = message.metadata.dst_node_id
            worker = self._workers[self._pinned[node_id - _FIRST_SITE_NODE]]
            worker.submit(Task(self._names[node_id], message))
            ids.append(message_id)
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that are there; wait a moment for the first of them."""
        wanted = list(message_ids)
        with self._arrived:
            self._arrived.wait_for(
                lambda: any(one in self._replies for one in wanted), timeout=_PULL_WAIT
            )
            return [self._replies.pop(one) for one in wanted if one in self._replies]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Push, then pull until all replies are there or ``timeout`` seconds are over."""
        return list(_gather(self, messages, timeout))

    def _deliver(self, reply: Message) -> None:
        with self._arrived:
            self._replies[reply.metadata.reply_to_message_id] = reply
            self._arrived.notify_all()

    def _setup(self, index: int) -> Setup:
        places = zip(self._node_ids, self._pinned, strict=True)
        here = [site for site, worker in places if worker == index]
        nodes = {site: self._nodes.get(site, {"site": site}) for site in here}
        return Setup(
            client_path=self._client_path,
            package=self._package,
            workdir=self._workdir,
            threads=self._threads,
            log=self._log_dir.resolve() / f"worker-{index + 1}.log" if self._log_dir else None,
            nodes=nodes,
            pooled=self._nodes if self._pooled and POOLED in here else {},
            device=self._devices[self._pinned.index(index)],
        )


class GridView(Grid):
    """Some nodes of a grid, as a Grid of its own."""

    def __init__(self, grid: EmbeddedGrid, node_ids: Sequence[int]) -> None:
        self._grid = grid
        self._node_ids = list(node_ids)

    def set_run(self, run: Run) -> None:
        """Pass on."""
        self._grid.set_run(run)

    @property
    def run(self) -> Run:
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

    def get_node_ids(self) -> Iterable[int]:
        """Return the chosen nodes."""
        self._grid.wait_until_ready()
        return list(self._node_ids)

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


def _gather(
    grid: EmbeddedGrid, messages: Iterable[Message], timeout: float | None
) -> Iterator[Message]:
    waiting = set(grid.push_messages(messages))
    end = None if timeout is None else time.monotonic() + timeout
    while waiting and (end is None or time.monotonic() < end):
        for reply in grid.pull_messages(waiting):
            waiting.discard(reply.metadata.reply_to_message_id)
            yield reply
