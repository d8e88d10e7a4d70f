"""Pass a run's events on to the trackers that people use: MLflow and TensorBoard.

They get what is in the events and nothing else: names of sites, numbers, settings and versions.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nbfed.errors import NbfedError
from nbfed.progress.follower import Follower
from nbfed.track.guarded import Guarded

if TYPE_CHECKING:
    from nbfed.federation.schema import Track
    from nbfed.progress import Display

_NEEDS = {"mlflow": ("mlflow", "sqlalchemy"), "tensorboard": ("tensorboard",)}


@contextmanager
def tracked(run: Path, track: Track | None, *, from_now: bool = False) -> Iterator[None]:
    """Track the run in this folder for as long as the context lasts.

    A tracker that fails stops tracking, not the run; ``track.log`` in the run's folder says why.
    Raises NbfedError, before anything is run, where a tracker is not installed.
    """
    wanted = track.wanted if track else {}
    for name in wanted:
        _require(name)
    with ExitStack() as stack:
        for name, where in wanted.items():
            follower = Follower(
                run, Guarded(_tracker(name, where, run), name, run), from_now=from_now
            )
            follower.start()
            stack.callback(follower.finish)
        yield


def _require(name: str) -> None:
    for module in _NEEDS[name]:
        if importlib.util.find_spec(module) is None:
            hint = f"pip install 'nbfed[{name}]', or take it out of federation.yaml"
            raise NbfedError(f"`track: {name}` needs {module}", hint=hint)


def _tracker(name: str, where: str, run: Path) -> Display:
    if name == "mlflow":
        from nbfed.track.mlflow import MlflowTracker

        return MlflowTracker(where, run)
    from nbfed.track.tensorboard import TensorboardTracker

    return TensorboardTracker(Path(where), run)
