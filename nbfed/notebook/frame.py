"""The events of a run as a table of pandas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbfed.errors import NbfedError
from nbfed.outcome.results import FEDERATED, OWN, POOLED
from nbfed.progress.follower import Tail
from nbfed.runs import BASELINES, EVENTS, find_run, seed_runs

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("round", "site", "phase", "metric", "value", "examples")
Row = dict[str, Any]


def results_frame(run: str | PathLike[str], *, baselines: bool) -> pd.DataFrame:
    """See ``nbfed.results``."""
    try:
        import pandas as pd
    except ImportError:
        hint = "pip install 'nbfed[notebook]'"
        raise NbfedError("nbfed.results needs pandas", hint=hint) from None
    folder = find_run(Path(run))
    seeds = seed_runs(folder)
    columns = [*(["seed"] if seeds else []), *(["model"] if baselines else []), *COLUMNS]
    rows = [row for one in seeds or [folder] for row in _rows_of(one, baselines=baselines)]
    return pd.DataFrame(rows, columns=columns)


def _rows_of(run: Path, *, baselines: bool) -> Iterator[Row]:
    seed = {"seed": int(run.name)} if run.name.isdecimal() else {}
    folders = {"": run}
    if baselines:
        folders |= {path.name: path for path in sorted((run / BASELINES).glob("*"))}
    for name, folder in folders.items():
        model = FEDERATED if not name else POOLED if name == POOLED else OWN
        for row in rows(Tail(folder / EVENTS).events()):
            yield {**seed, "model": model, **row}


def rows(events: Iterator[Mapping[str, Any]]) -> list[Row]:
    """One row for each number that a site reported; of a round that was made twice, the last."""
    found: dict[tuple[Any, ...], Row] = {}
    for event in events:
        for row in _rows(event):
            found[row["round"], row["site"], row["phase"], row["metric"]] = row
    return sorted(found.values(), key=lambda row: (row["round"], row["phase"] == "train"))


def _rows(event: Mapping[str, Any]) -> Iterator[Row]:
    if event["event"] == "site-replied":
        yield from _numbers(event, event["site"], "train", event["train"], event["examples"])
    elif event["event"] == "evaluated":
        for site, told in event["sites"].items():
            yield from _numbers(event, site, "evaluate", told["metrics"], told["examples"])
    elif event["event"] == "server-evaluated":
        # How many rows the server has is nowhere said.
        yield from _numbers(event, "server", "server", event["metrics"], 0)


def _numbers(
    event: Mapping[str, Any], site: str, phase: str, metrics: Mapping[str, Any], examples: int
) -> Iterator[Row]:
    for metric, value in metrics.items():
        # JSON knows no NaN: it stands as null in the events.
        number = math.nan if value is None else float(value)
        values = (event["round"], site, phase, metric, number, examples)
        yield dict(zip(COLUMNS, values, strict=True))
