"""Studies with a model of any size at any number of sites, from large.ipynb."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.engines import Study

NOTEBOOK = Path(__file__).parent / "large.ipynb"
METRIC = "error"
_BYTES = 4


@dataclass(frozen=True)
class Shape:
    """``layers`` square layers of ``width``."""

    width: int
    layers: int

    @property
    def bytes(self) -> int:
        """How many bytes the model's weights are."""
        return _BYTES * self.layers * (self.width * self.width + self.width)


# 25.2 million parameters.
LARGE = Shape(1024, 24)


def names(number: int) -> list[str]:
    """Names of that many sites."""
    return [f"site{one:03d}" for one in range(1, number + 1)]


def study(folder: Path, shape: Shape, *, sites: int, rounds: int, seed: int = 1) -> Study:
    """Write the notebook and its federation.yaml into ``folder``, which is made."""
    folder.mkdir(parents=True)
    shutil.copy(NOTEBOOK, folder)
    settings = {
        "name": "large",
        "notebook": NOTEBOOK.name,
        "rounds": rounds,
        "seed": seed,
        "params": {"WIDTH": shape.width, "LAYERS": shape.layers},
        "sites": {site: {} for site in names(sites)},
    }
    (folder / "federation.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    nodes: dict[str, dict[str, object]] = {site: {} for site in names(sites)}
    return Study(folder / NOTEBOOK.name, nodes, rounds, seed, folder)
