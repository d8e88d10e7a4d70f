"""The folders of runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from nbfed.errors import OutputRefused

EVENTS = "events.jsonl"
RESULTS = "results.json"
REPORT = "report.html"
BASELINES = "baselines"


@contextmanager
def run_folder(name: str, wanted: Path | None = None) -> Iterator[Path]:
    """A new run's folder, which goes again if nothing was written into it.

    Raises OutputRefused where the wanted folder already has something in it.
    """
    folder = new_run_folder(name, wanted)
    try:
        yield folder
    finally:
        with suppress(OSError):  # it is not empty, as a rule
            folder.rmdir()


def new_run_folder(name: str, wanted: Path | None = None) -> Path:
    """Make the folder of a new run: the one that is wanted, else ``runs/TIME-NAME`` (UTC).

    Raises OutputRefused where the wanted folder already has something in it.
    """
    if wanted is not None:
        if wanted.exists() and (not wanted.is_dir() or any(wanted.iterdir())):
            raise OutputRefused(f"{wanted} is not empty", hint="choose another --run-dir")
        wanted.mkdir(parents=True, exist_ok=True)
        return wanted
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in count(1):
        folder = Path("runs") / (f"{time}-{name}" if number == 1 else f"{time}-{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count() does not end")
