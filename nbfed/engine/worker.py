"""A worker process of the embedded engine: runs the client app for the sites pinned to it.

Started by ``nbfed.engine.processes`` as ``python -m nbfed.engine.worker FD``. Over the socket FD it
gets a ``Setup`` and answers ``None`` when it is ready, or a line of text that says why it is not;
from then on a ``Task`` comes in and a reply goes out. When the engine's process is gone, in
whatever way, standard input ends, and so does the worker.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import pickle
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Scalar = str | int | float | bool
Answer = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Setup:
    """What a worker needs to know once. ``pooled`` are the nodes behind the site of that name.

    ``device`` is what its sites may see of the machine's GPUs.
    """

    client_path: Path
    package: str
    workdir: Path
    threads: int
    log: Path | None
    nodes: Mapping[str, Mapping[str, Scalar]]
    pooled: Mapping[str, Mapping[str, Scalar]]
    device: str = "auto"


@dataclass(frozen=True)
class Task:
    """A message for one site. ``message`` is a flwr.app.Message."""

    site: str
    message: Any


def main() -> None:
    """Serve until the engine says so, or is gone."""
    connection = Connection(int(sys.argv[1]))
    setup: Setup = pickle.loads(connection.recv_bytes())
    threading.Thread(target=_end_with_the_engine, args=[os.dup(0)], daemon=True).start()
    _redirect_standard_streams(setup.log)
    try:
        answer = _load(setup)
    except (Exception, SystemExit) as error:
        logging.getLogger(__name__).debug("not started", exc_info=error)
        _send(connection, f"{type(error).__name__}: {error}")
        return
    _send(connection, None)
    _serve(connection, setup, answer)
    if not multiprocessing.active_children():
        # Nothing to tidy up, and taking torch down step by step takes half a second.
        os._exit(0)


def _serve(connection: Connection, setup: Setup, answer: Answer) -> None:
    contexts: dict[str, Any] = {}
    while True:
        try:
            task: Task | None = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        if task is None:
            return
        if task.site not in contexts:
            contexts[task.site] = _context(setup.nodes[task.site], task.message)
        _send(connection, answer(task.message, contexts[task.site]))


def _load(setup: Setup) -> Answer:
    # Only for this process and those that it starts; flwr reads it as it is imported.
    os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
    os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
    os.chdir(setup.workdir)
    sys.path.insert(0, str(setup.client_path))
    importlib.import_module(f"{setup.package}.device").choose_device(setup.device)
    import torch

    torch.set_num_threads(setup.threads)
    logging.getLogger("flwr").setLevel(logging.WARNING)
    client = importlib.import_module(f"{setup.package}.client_app")
    if setup.pooled:
        from nbfed.engine.pooling import add_pooled_site

        add_pooled_site(setup.package, setup.pooled)
    answer: Answer = client.app
    return answer


def _context(node: Mapping[str, Scalar], message: Any) -> Any:
    from flwr.app import Context, RecordDict

    return Context(
        run_id=message.metadata.run_id,
        node_id=message.metadata.dst_node_id,
        node_config=dict(node),
        state=RecordDict(),
        run_config={},
    )


def _send(connection: Connection, value: object) -> None:
    connection.send_bytes(pickle.dumps(value, protocol=5))


def _redirect_standard_streams(log: Path | None) -> None:
    """Send what the notebook's code prints, and the sites' own errors, to the log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream, replacement in enumerate((nothing, file, file)):
        os.dup2(replacement, stream)
    os.close(nothing)
    os.close(file)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.DEBUG)


def _end_with_the_engine(lifeline: int) -> None:
    # Nobody ever writes here: the read returns when the engine's process has ended.
    os.read(lifeline, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
