"""Show the runs of several seeds, one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nbfed.cli.running import finish, reported

if TYPE_CHECKING:
    from nbfed.emit import Build
    from nbfed.federation.schema import Track


@contextmanager
def seed_shown(
    seed: int,
    run: Path,
    done: bool,
    *,
    build: Build,
    seeds: range,
    track: Track | None,
    as_json: bool,
) -> Iterator[None]:
    """Show the run of one seed, or say that there is one, and write its report."""
    from nbfed.progress import choose_display, follow
    from nbfed.track import tracked

    if as_json:
        line = {"event": "seed", "seed": seed, "run": str(run), "done": done}
        typer.echo(json.dumps(line))
    elif done or len(seeds) > 1:
        before = ": finished before" if done else ""
        typer.echo(f"seed {seed} ({seeds.index(seed) + 1} of {len(seeds)}){before}")
    if done:
        yield
        return
    with (
        reported(run, build, as_json=as_json),
        follow(run, choose_display(as_json=as_json)),
        tracked(run, track),
    ):
        yield
    finish(run, build, as_json=True)  # which writes the report, and says nothing
