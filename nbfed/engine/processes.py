"""Worker processes as the engine's process sees them: started, given tasks, replaced, ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from flwr.app import Error, Message

from nbfed.engine.worker import Setup, Task

WORKER_DIED = 110
WORKER_NOT_STARTED = 111
UNREADABLE = 112

# Seconds. A reply is seen at once; only the death of a process takes this long to be noticed.
_DEATH_CHECK = 0.1
_GRACE = 3.0


class WorkerError(Exception):
    """A worker process could not start; the text says why."""


class _Died(Exception):
    """The process ended while it was asked for something."""


class _Process:
    """One operating system process with a socket to it."""

    def __init__(self, setup: Setup) -> None:
        ours, theirs = Pipe()
        self.connection: Connection = ours
        root = str(Path(__file__).resolve().parents[2])
        inherited = os.environ.get("PYTHONPATH")
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "nbfed.engine.worker", str(theirs.fileno())],
            # Its other end is this process's: when that is gone, the worker reads the end.
            stdin=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, inherited)))},
            # Ctrl-C is for the engine, which ends its workers itself.
            start_new_session=True,
        )
        theirs.close()
        # A process that dies at once is noticed at the first exchange.
        with contextlib.suppress(OSError):
            self._send(setup)

    def exchange(self, value: object) -> object:
        """Send ``value`` and return the answer; raises _Died."""
        try:
            self._send(value)
            return self.answer()
        except OSError as error:
            raise _Died from error

    def answer(self) -> object:
        """Wait for an answer; raises _Died."""
        try:
            # The socket alone may not end with the process: loaders' processes hold it too.
            while not self.connection.poll(_DEATH_CHECK):
                if self.popen.poll() is not None and not self.connection.poll():
                    raise _Died
            return pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise _Died from error

    def stop(self) -> None:
        """Ask the process to end, which it does when it is idle."""
        with contextlib.suppress(OSError):
            self._send(None)

    def kill(self) -> None:
        """End the process, and all that it started, also where it has ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def release(self) -> None:
        """Give back what is left of a process that has ended."""
        if self.popen.stdin:
            self.popen.stdin.close()
        self.connection.close()

    def _send(self, value: object) -> None:
        self.connection.send_bytes(pickle.dumps(value, protocol=5))


class Worker:
    """A warm process for some sites, and a thread that hands it one task after the other.

    A process that dies is replaced: the task that it worked on is answered with an error, the
    others go on. ``deliver`` is called with each reply, in the thread.
    """

    def __init__(self, setup: Setup, deliver: Callable[[Message], None]) -> None:
        self._setup = setup
        self._deliver = deliver
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._closing = False
        self._idle = True
        self._started = threading.Event()
        self._error = ""
        self._process = _Process(setup)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.popen.pid

    def wait_until_ready(self) -> None:
        """Return when the client app is loaded; raises WorkerError."""
        self._started.wait()
        if self._error:
            raise WorkerError(self._error)

    def submit(self, task: Task) -> None:
        """Queue a task."""
        self._tasks.put(task)

    def stop(self) -> None:
        """Take no more tasks, and let the process end if it is idle."""
        self._closing = True
        self._tasks.put(None)
        if self._idle:
            self._process.stop()

    def close(self) -> None:
        """End the process after ``stop``: in peace if it is idle, at once if it is not."""
        if self._idle:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.popen.wait(_GRACE)
        self._process.kill()
        self._thread.join()
        self._process.release()

    def _serve(self) -> None:
        self._error = self._start()
        self._started.set()
        while (task := self._tasks.get()) is not None and not self._closing:
            self._idle = False
            reply = self._work(task)
            self._idle = True
            self._deliver(reply)

    def _start(self) -> str:
        try:
            answer = self._process.answer()
        except _Died:
            return f"the worker process ended as it started ({self._ending()})"
        return str(answer or "")

    def _work(self, task: Task) -> Message:
        if self._process.popen.poll() is not None:
            # It died between two tasks, and none is to be lost for that.
            self._replace()
        if self._error:
            return _failed(task, WORKER_NOT_STARTED, self._error)
        try:
            reply = self._process.exchange(task)
        except (pickle.UnpicklingError, ImportError, AttributeError) as error:
            # A reply that holds an object of the client package's own.
            return _failed(task, UNREADABLE, f"the reply cannot be read: {error}")
        except _Died:
            reason = f"the process of site {task.site} ended ({self._ending()})"
            if not self._closing:
                self._replace()
            return _failed(task, WORKER_DIED, reason)
        assert isinstance(reply, Message)
        return reply

    def _replace(self) -> None:
        self._process.kill()
        self._process.release()
        self._process = _Process(self._setup)
        self._error = self._start()

    def _ending(self) -> str:
        try:
            code = self._process.popen.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return "it closed its connection"
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def _failed(task: Task, code: int, reason: str) -> Message:
    return Message(Error(code=code, reason=reason), reply_to=task.message)
