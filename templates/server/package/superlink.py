"""One run on a SuperLink that this machine runs, with this process as its server app.

The only module that uses names of Flower that are not public. The package's requirements bound
Flower's version for its sake, and nbfed tests it against the real SuperLink of that version.

What ``flwr run`` and ``flower-superexec`` do in two more processes is done here in this one: start
a run through the Control API, claim its task, answer for it while the rounds go on, report its
end. The bundle of code that a run has to have is a stub: no code travels.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import httpx
from flwr.app import Message
from flwr.cli.build import build_fab_from_files
from flwr.common.serde import fab_to_proto, run_from_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    StartRunRequest,
    StopRunRequest,
)
from flwr.proto.node_pb2 import NodeInfo
from flwr.proto.runtime_pb2 import (
    AcquireTaskRequest,
    PullTaskInputRequest,
    PushTaskOutputRequest,
    SendTaskHeartbeatRequest,
)
from flwr.serverapp import Grid
from flwr.supercore.constant import TaskType
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.retry import RetryInvoker, exponential
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.grid import HttpGrid

P = ParamSpec("P")
T = TypeVar("T")

_READY_POLL_SECONDS = 0.1
_RETRY_SECONDS = 30.0
_HEARTBEAT_SECONDS = 10.0
_LINGER_POLL_SECONDS = 0.2
_ACQUIRE_SECONDS = 20.0
_WORTH_A_RETRY = (502, 503, 504)

_STUB = """\
[project]
name = "{name}"
version = "1.0.0"

[tool.flwr.app]
publisher = "nbfed"

[tool.flwr.app.components]
serverapp = "{package}.server_app:app"
clientapp = "{package}.client_app:app"
"""


class SuperLinkError(ConnectionError):
    """The SuperLink does not answer, or not as it should."""


@dataclass
class LinkRun:
    """A run that this process serves. ``completed`` is reported to the SuperLink at its end."""

    grid: Grid
    completed: bool = False


class SuperLink:
    """A SuperLink at ``address``, known by ``ca``; ``alive`` says if its process runs."""

    def __init__(self, address: str, ca: Path, secret: bytes, alive: Callable[[], bool]) -> None:
        self._address = address
        self._ca = ca.read_bytes()
        self._secret = secret
        self._alive = alive
        self._control = ControlHttpClient.from_server_address(
            address,
            insecure=False,
            root_certificates=self._ca,
            interceptors=[RuntimeVersionHttpInterceptor(component_name="flwr CLI")],
        )

    def close(self) -> None:
        """Close the connection."""
        self._control.close()

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the Control API answers; raises SuperLinkError."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._control.ListRuns(ListRunsRequest(limit=1))
                return
            except httpx.TransportError as error:
                if not self._alive():
                    raise SuperLinkError("the SuperLink ended while it started") from error
                if time.monotonic() > deadline:
                    raise SuperLinkError(
                        f"the SuperLink does not answer after {seconds:g} s"
                    ) from error
            except httpx.HTTPStatusError as error:
                raise SuperLinkError(f"the SuperLink refuses to talk: {error}") from error
            time.sleep(_READY_POLL_SECONDS)

    @contextmanager
    def run(self, name: str) -> Iterator[LinkRun]:
        """Start a run of the app ``name`` and serve it until the block ends."""
        try:
            self._stop_unfinished_runs()
            token = self._acquire(self._start_run(name))
        except httpx.HTTPError as error:
            raise SuperLinkError(f"the SuperLink does not start a run: {error}") from error
        grid = _LinkGrid(self._address, root_certificates=self._ca, token=token)
        grid.retry_while(self._alive)
        stop = threading.Event()
        try:
            grid.begin()
            link_run = LinkRun(grid)
            threading.Thread(target=self._heartbeat, args=(token, stop), daemon=True).start()
            try:
                yield link_run
            finally:
                stop.set()
                grid.report("completed" if link_run.completed else "failed")
        finally:
            grid.close()

    def wait_until_deserted(self, seconds: float) -> None:
        """Let the sites see that the run is over: wait until they left, or ``seconds``."""
        deadline = time.monotonic() + seconds
        with suppress(httpx.HTTPError):
            while time.monotonic() < deadline and self._alive():
                nodes = self._control.ListNodes(ListNodesRequest()).nodes_info
                if not any(node.status == "online" for node in nodes):
                    return
                time.sleep(_LINGER_POLL_SECONDS)

    def _start_run(self, name: str) -> int:
        stub = _STUB.format(name=name, package=name.replace("-", "_"))
        files: dict[str, bytes | Path] = {"pyproject.toml": stub.encode()}
        bundle, _ = build_fab_from_files(files)
        fab = Fab(hashlib.sha256(bundle).hexdigest(), bundle, {})
        return self._control.StartRun(StartRunRequest(fab=fab_to_proto(fab))).run_id

    def _stop_unfinished_runs(self) -> None:
        """Close what a killed server left in the database: nobody serves those runs any more."""
        for run_id, run in self._control.ListRuns(ListRunsRequest()).run_dict.items():
            if run.status.status != "finished":
                self._control.StopRun(StopRunRequest(run_id=run_id))

    def _acquire(self, run_id: int) -> str:
        """Claim the run's task; return the token that acts for it."""
        signed = SuperExecAuthHttpInterceptor(
            master_secret=self._secret, protected_methods={"/flwr.proto.Runtime/AcquireTask"}
        )
        deadline = time.monotonic() + _ACQUIRE_SECONDS
        with self._runtime(signed) as client:
            while time.monotonic() < deadline:
                answer = client.AcquireTask(
                    AcquireTaskRequest(supported_task_types=[TaskType.SERVER_APP])
                )
                if answer.token and answer.task.run_id == run_id:
                    return answer.token
                time.sleep(_READY_POLL_SECONDS)
        raise SuperLinkError("the SuperLink does not hand out the run's task")

    def _heartbeat(self, token: str, stop: threading.Event) -> None:
        with self._runtime(RuntimeTokenHttpInterceptor(token=token)) as client:
            while not stop.is_set():
                # A lost beat is no news: the grid's own calls tell when the SuperLink is gone.
                with suppress(httpx.HTTPError):
                    client.SendTaskHeartbeat(SendTaskHeartbeatRequest())
                stop.wait(_HEARTBEAT_SECONDS)

    def _runtime(
        self, credentials: SuperExecAuthHttpInterceptor | RuntimeTokenHttpInterceptor
    ) -> RuntimeHttpClient:
        return RuntimeHttpClient.from_server_address(
            self._address,
            insecure=False,
            root_certificates=self._ca,
            interceptors=[
                RuntimeVersionHttpInterceptor(component_name="flwr-serverapp"),
                credentials,
            ],
        )


def _told_as_lost(call: Callable[P, T]) -> Callable[P, T]:
    """Let a call raise SuperLinkError where Flower's raises errors of its HTTP client."""

    @wraps(call)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except httpx.HTTPError as error:
            raise SuperLinkError(f"the SuperLink does not answer any more ({error})") from error

    return wrapped


class _LinkGrid(HttpGrid):
    """Flower's grid, which gives up when the SuperLink is gone instead of trying for ever."""

    def retry_while(self, alive: Callable[[], bool]) -> None:
        """Try a failed call again as long as ``alive`` says that it may help."""

        def hopeless(error: Exception) -> bool:
            if isinstance(error, httpx.HTTPStatusError):
                return error.response.status_code not in _WORTH_A_RETRY
            return not alive()

        # Flower's own would also send this process a SIGINT when its token is refused.
        self._retry_invoker = RetryInvoker(
            lambda: exponential(base_delay=0.2, max_delay=2),
            (httpx.TransportError, httpx.HTTPStatusError),
            max_tries=None,
            max_time=_RETRY_SECONDS,
            should_giveup=hopeless,
        )

    @_told_as_lost
    def begin(self) -> None:
        """Take the task's input: from here on the run counts as running."""
        task = self._runtime_client.PullTaskInput(PullTaskInputRequest())
        # Messages are stamped with these.
        TaskIdentity.task_id = task.task_id
        TaskIdentity.run_id = task.run.run_id
        TaskIdentity.node_id = task.context.node_id
        self.set_run(run_from_proto(task.run))

    def report(self, sub_status: str) -> None:
        """Tell the SuperLink how the run ended; a SuperLink that is gone need not know."""
        self._retry_invoker.max_tries = 1
        with suppress(httpx.HTTPError):
            self._runtime_client.PushTaskOutput(PushTaskOutputRequest(sub_status=sub_status))

    @_told_as_lost
    def get_nodes(self) -> Iterable[NodeInfo]:
        """Return the nodes that are online."""
        return super().get_nodes()

    @_told_as_lost
    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages; return an id for each, None where one was refused."""
        return super().push_messages(messages)

    @_told_as_lost
    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that are there."""
        return super().pull_messages(message_ids)
