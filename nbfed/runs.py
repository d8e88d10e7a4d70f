"""The folders of runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from nbfed.errors import OutputRefused, UsageError

EVENTS = "events.jsonl"
RESULTS = "results.json"
REPORT = "report.html"
BASELINES = "baselines"
# Below the folder of a simulation with several seeds: one run for each, named by its seed.
SEEDS = "seeds"
RUNS = Path("runs")
LATEST = "latest"


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
        folder = RUNS / (f"{time}-{name}" if number == 1 else f"{time}-{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count() does not end")


def find_run(run: Path) -> Path:
    """The folder of a run that someone names; ``runs/latest`` is the newest one in ``runs``.

    It may be a folder of several seeds. Raises UsageError where there is no run.
    """
    if run.name == LATEST and not run.exists():
        return _latest(run.parent)
    if not is_run(run):
        known = sorted(map(str, _runs_in(run)))
        hint = f"runs there: {', '.join(known[-5:])}" if known else "a run's folder is runs/ID"
        raise UsageError(f"{run} holds no run (no {EVENTS})", hint=hint)
    return run


def is_run(folder: Path) -> bool:
    """Whether the folder holds a run, or runs of several seeds."""
    return (folder / EVENTS).is_file() or bool(seed_runs(folder))


def seed_runs(folder: Path) -> list[Path]:
    """The runs of a simulation's several seeds, in order of the seeds; none for a single run."""
    found = [path.parent for path in (folder / SEEDS).glob(f"*/{EVENTS}")]
    return sorted((path for path in found if path.name.isdecimal()), key=lambda p: int(p.name))


def _latest(folder: Path) -> Path:
    runs = _runs_in(folder)
    if not runs:
        hint = "make one: nbfed simulate NOTEBOOK"
        raise UsageError(f"there is no run in {folder}/", hint=hint)
    # Names begin with a time, but a run may have been given another name.
    return max(runs, key=lambda run: (_written(run), run.name))


def _runs_in(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if path.is_dir() and is_run(path)]


def _written(run: Path) -> int:
    files = [member / EVENTS for member in (*seed_runs(run), run)]
    return max(file.stat().st_mtime_ns for file in files if file.is_file())
