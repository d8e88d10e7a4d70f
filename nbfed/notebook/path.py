"""Which notebook is being edited."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from nbfed.errors import UsageError
from nbfed.progress.display import ago

# VS Code puts its notebook's path among the kernel's variables, a Jupyter server starts the
# kernel with it in the environment.
_VS_CODE = "__vsc_ipynb_file__"
_JUPYTER = "JPY_SESSION_NAME"


def notebook_path(namespace: Mapping[str, Any]) -> Path:
    """The path of the notebook of this kernel; raises UsageError where nothing tells it."""
    for told in (namespace.get(_VS_CODE), os.environ.get(_JUPYTER)):
        path = Path(str(told)) if told else None
        if path and path.suffix == ".ipynb" and path.is_file():
            return Path(os.path.relpath(path))
    there = sorted(str(path) for path in Path().glob("*.ipynb"))
    example = there[0] if there else "heart.ipynb"
    hint = f"name it: %nbfed check {example}"
    if there:
        hint += f"\nnotebooks in this folder: {', '.join(there)}"
    raise UsageError("this kernel does not know its notebook's file", hint=hint)


def saved_at(file: Path) -> str:
    """Which state of the file is looked at: changes that are not saved cannot be seen."""
    changed = file.stat().st_mtime
    clock = datetime.fromtimestamp(changed).astimezone().strftime("%H:%M:%S")
    since = ago(max(0.0, time.time() - changed))
    return f"{file} as it was saved at {clock}, {since} ago; changes since then are not seen"
