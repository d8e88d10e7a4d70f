"""What figures depend on, and how they are kept."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def described() -> dict[str, Any]:
    """This machine, and the versions of what was measured."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in ("torch", "flwr", "numpy")}
        | {"python": platform.python_version()},
    }


def keep(file: Path, figures: Mapping[str, Any]) -> None:
    """Write the figures as JSON, with what they depend on, and say where."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(described() | dict(figures), indent=2) + "\n")
    print(f"figures: {file}", flush=True)


@contextmanager
def workplace(kept: Path | None) -> Iterator[Path]:
    """A folder for all that engines write: ``kept``, which stays, or one that does not."""
    if kept:
        yield kept.resolve()
        return
    with TemporaryDirectory(prefix="nbfed-bench-") as temporary:
        yield Path(temporary).resolve()
