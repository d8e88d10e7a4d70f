"""One run on a SuperLink that this machine runs, with this process as its server app.

Like ``superlink_grid``, ``arrivals``, ``offering``, ``part_service`` and ``parts`` it uses names of
Flower that are not public. The package's requirements bound Flower's version for their sake, and
nbfed tests them against the real SuperLink of that version.

What ``flwr run`` and ``flower-superexec`` do in two more processes is done here in this one: start
a run through the Control API, claim its task, answer for it while the rounds go on, report its
end. The bundle of code that a run has to have is a stub: no code travels.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from flwr.cli.build import build_fab_from_files
from flwr.common.serde import fab_to_proto
from flwr.proto.control_pb2 import ListNodesRequest, ListRunsRequest, StartRunRequest
from flwr.proto.runtime_pb2 import AcquireTaskRequest, SendTaskHeartbeatRequest
from flwr.serverapp import Grid
from flwr.supercore.constant import TaskType
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.runtime import RuntimeHttpClient

from .front import Front
from .superlink_grid import SuperLinkError, SuperLinkGrid

_READY_POLL_SECONDS = 0.1
_HEARTBEAT_SECONDS = 10.0
_LINGER_POLL_SECONDS = 0.2
_ACQUIRE_SECONDS = 20.0

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
    def run(self, name: str, front: Front) -> Iterator[LinkRun]:
        """Start a run of the app ``name`` and serve it until the block ends.

        Its sites are those of ``front``.
        """
        try:
            token = self._acquire(self._start_run(name))
        except httpx.HTTPError as error:
            raise SuperLinkError(f"the SuperLink does not start a run: {error}") from error
        grid = SuperLinkGrid(self._address, self._ca, token, self._alive, front)
        link_run, stop, interrupted = LinkRun(grid), threading.Event(), False
        try:
            grid.begin()
            threading.Thread(target=self._heartbeat, args=(token, stop), daemon=True).start()
            yield link_run
        except KeyboardInterrupt:
            interrupted = True
            raise
        finally:
            stop.set()
            if interrupted:
                # To the sites this server is gone, and may come back and go on.
                grid.leave()
            else:
                grid.end("completed" if link_run.completed else "failed")

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
