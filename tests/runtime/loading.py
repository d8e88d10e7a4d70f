"""Import a package that a test has just written, and write messages to its client app."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.supercore.task_identity import TaskIdentity

_numbers = itertools.count(1)


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Let packages in ``folders`` be imported, and forget them afterwards.

    A package of the same name that another test has left behind does not stand in the way.
    """
    own = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()}
    for name in [name for name in sys.modules if name.partition(".")[0] in own]:
        del sys.modules[name]
    before = set(sys.modules)
    sys.path[:0] = [str(folder) for folder in folders]
    try:
        yield
    finally:
        del sys.path[: len(folders)]
        for name in set(sys.modules) - before:
            if any(
                str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(folder))
                for folder in folders
            ):
                del sys.modules[name]
        importlib.invalidate_caches()


class Client:
    """The client app of an imported package, with messages as the server would write them."""

    def __init__(self, package: str, node: Mapping[str, Any]) -> None:
        self.package = package
        self.app = self.module("client_app").app
        self.node = dict(node)
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{name}")

    def weights(self, **arguments: Any) -> ArrayRecord:
        model = self.module("model").build_model(**({"HIDDEN": 4} | arguments))
        record: ArrayRecord = self.module("exchange").arrays_from(model)
        return record

    def letter(self, kind: str, arrays: ArrayRecord | None = None, **config: Any) -> Message:
        """A message; ``config`` overrides what the server would usually say."""
        values = {
            "server-round": 1,
            "final-round": 2,
            "digest": self.module("trip").DIGEST,
            "params": json.dumps(config.pop("params", {})),
            "seed": 7,
            "evaluate": True,
            "final": False,
            **{key.replace("_", "-"): value for key, value in config.items()},
        }
        content = RecordDict({"config": ConfigRecord(values)})
        if arrays is not None:
            content["arrays"] = arrays
        message = Message(content, 2, kind)
        message.metadata.__dict__["_message_id"] = f"{next(_numbers):064x}"
        return message

    def ask(self, kind: str, arrays: ArrayRecord | None = None, **config: Any) -> Message:
        context = Context(
            run_id=1, node_id=2, node_config=self.node, state=RecordDict(), run_config={}
        )
        reply: Message = self.app(self.letter(kind, arrays, **config), context)
        return reply
