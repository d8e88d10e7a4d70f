"""Run the gateway beside this process, on the address that sites know, and end it in every case."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .addresses import StartError
from .certificates import Certificates
from .keyring import KEYS_FILE

_START_SECONDS = 30.0
_START_POLL_SECONDS = 0.02
_STOP_SECONDS = 5.0
_AGAIN_SECONDS = 1.0

_log = logging.getLogger(__name__)


@contextmanager
def gateway_process(
    listener: socket.socket, superlink: str, parts: Path, certificates: Certificates, state: Path
) -> Iterator[GatewayProcess]:
    """Serve on ``listener`` (bound, not listening yet) as long as the block lasts.

    Messages go to ``superlink``, their parts to the socket ``parts``.
    A gateway that ends by itself is started again: the socket stays, sites only have to call once
    more. Its log is ``gateway.log`` in ``state``. Raises StartError.
    """
    command = [sys.executable, "-P", str(Path(__file__).with_name("gateway_child.py"))]
    command += ["--socket", str(listener.fileno()), "--superlink", superlink]
    command += ["--parts", str(parts)]
    command += ["--ca", str(certificates.ca), "--cert", str(certificates.server)]
    command += ["--key", str(certificates.key), "--keys", str(state / KEYS_FILE)]
    log_path = state / "gateway.log"
    with log_path.open("wb") as log:
        keeper = GatewayProcess(command, listener.fileno(), log.fileno())
        thread = threading.Thread(target=keeper.keep, daemon=True)
        thread.start()
        try:
            _wait_until_it_listens(listener, log_path)
            yield keeper
        finally:
            keeper.stop()
            thread.join()


def _wait_until_it_listens(listener: socket.socket, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    # The socket is the same one in both processes: what the child does to it shows here.
    while not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        if time.monotonic() > deadline:
            raise StartError(f"the gateway does not start: see {log}")
        time.sleep(_START_POLL_SECONDS)


@dataclass
class GatewayProcess:
    """Starts the gateway, again and again if need be."""

    command: list[str]
    listener: int
    log: int
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the number of the process that serves now, or served last; 0 before the first."""
        return self.child.pid if self.child else 0

    def keep(self) -> None:
        """Start the gateway until ``stop`` is called."""
        while (child := self._start()) is not None:
            code = child.wait()
            if not self.stopping.wait(_AGAIN_SECONDS):
                _log.warning("the gateway ended (%d) and is started again; see gateway.log", code)

    def stop(self) -> None:
        """End the gateway, and start none any more."""
        with self.lock:
            self.stopping.set()
            child = self.child
        if child is None:
            return
        if child.stdin:
            # The child takes the end of its input for our end, and ends too.
            child.stdin.close()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_STOP_SECONDS)
        finally:
            if child.poll() is None:
                child.kill()

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self.lock:
            if self.stopping.is_set():
                return None
            self.child = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=self.log,
                stderr=subprocess.STDOUT,
                pass_fds=(self.listener,),
                # A session of its own: Ctrl-C in the terminal is for this process to handle.
                start_new_session=True,
            )
            return self.child
