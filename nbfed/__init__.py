"""nbfed compiles a Jupyter notebook into the server and the clients of a federation.

In a notebook: ``%load_ext nbfed`` for the ``%nbfed`` magic, ``nbfed.load`` for a run's weights,
``nbfed.results`` for its figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import pandas as pd
    from torch import nn

__all__ = ["__version__", "load", "load_ipython_extension", "results"]

# What these need is imported when they are called: `import nbfed` is done by every command.


def load(
    run: str | PathLike[str],
    model: nn.Module | Mapping[str, nn.Module] | None = None,
    /,
    *,
    best: bool = False,
    **modules: nn.Module,
) -> Any:
    """Load a run's global weights into the notebook's own model, in place, and return it.

    ``run`` is a run's folder, or "runs/latest". A notebook with several modules gives them by
    their names: ``load(run, encoder=encoder, head=head)``, or as a dictionary. ``best`` takes the
    best weights instead of the last ones. Entries that never left the sites stay as they are in
    the model, with a warning.

    Raises nbfed.errors.NbfedError, before anything is changed, where names or shapes differ.
    """
    from nbfed.notebook.weights import load_weights

    return load_weights(run, model, best=best, modules=modules)


def results(run: str | PathLike[str] = "runs/latest", *, baselines: bool = False) -> pd.DataFrame:
    """A run's metrics: one row for each round, site, phase and metric.

    Columns: round (0 is before the training), site, phase ("train", "evaluate", or "server" for
    what the server evaluated itself), metric, value, examples. A folder of
    several seeds has a column seed before them. ``baselines`` adds the models that it was compared
    with, told apart by a column model ("federated", "own", "pooled").

    Raises nbfed.errors.NbfedError where there is no run, or no pandas.
    """
    from nbfed.notebook.frame import results_frame

    return results_frame(run, baselines=baselines)


def load_ipython_extension(ipython: Any) -> None:
    """What ``%load_ext nbfed`` calls: registers ``%nbfed``."""
    from nbfed.notebook.magic import register

    register(ipython)
