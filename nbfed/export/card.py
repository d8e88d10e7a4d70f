"""MODEL_CARD.md: the facts of a run, for whoever gets its model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbfed import __version__
from nbfed.emit.templates import render
from nbfed.notebook.weights import BEST, MODEL
from nbfed.outcome.comparison import SERVER, UNWEIGHTED, WEIGHTED
from nbfed.outcome.results import MODELS, Results
from nbfed.outcome.summary import Summary
from nbfed.outcome.table import figure
from nbfed.runs import RESULTS
from nbfed.track.numbers import label

if TYPE_CHECKING:
    from nbfed.export.export import Exported

CARD = "MODEL_CARD.md"
_ENGINES = {
    "embedded": "a simulation on one machine",
    "federation": "a federation over Flower's SuperLink",
    "flower": "a Flower App",
}


def model_card(run: Path, exported: Exported, *, best: bool) -> str:
    """The card's text; raises NbfedError where the run's events cannot be read."""
    summary = Summary.read(run, best=best)
    # The simulation compared the last weights, not the best ones.
    results = Results.read(run) if (run / RESULTS).is_file() and not best else None
    weights = run / (BEST if best else MODEL)
    text = render(
        "export/MODEL_CARD.md.jinja",
        {
            "version": __version__,
            "run": summary,
            "run_name": label(run),
            "file": exported.file.name,
            "weights": "the best weights of the run"
            if best
            else "the weights after the last round",
            "rounds_differ": best,
            "inputs": exported.inputs,
            "checked": exported.checked,
            "model_digest": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "versions": ", ".join(f"{name} {each}" for name, each in summary.versions.items()),
            "strategy": _with_options(summary.strategy, summary.strategy_options),
            "engine": _ENGINES.get(summary.engine, summary.engine),
            "params": f"`{json.dumps(summary.params)}`" if summary.params else "none",
            "exchanged": _exchanged(summary),
            "metrics": [_cell(metric) for metric in summary.metrics],
            "figures": _figures(summary),
            "first": next(iter(summary.metrics), ""),
            "compared": _compared(results, summary),
            "rows_tested": sum(rows.test for rows in summary.rows.values()),
        },
    )
    return text


def _with_options(strategy: str, options: Mapping[str, Any]) -> str:
    return f"{strategy}, `{json.dumps(options)}`" if options else strategy


def _exchanged(run: Summary) -> str:
    if run.strategy == "fedbn":
        return "the model's weights without those of its normalisation layers"
    if "all" in run.exchange:
        return "all of the model's weights"
    if "trainable" in run.exchange:
        return "the weights that are trained"
    return f"the weights named {', '.join(f'`{each}`' for each in run.exchange)}"


def _figures(run: Summary) -> dict[str, list[str]]:
    rows = {**run.sites, UNWEIGHTED: run.unweighted, WEIGHTED: run.weighted}
    rows[SERVER] = run.server
    return {
        site: [figure(found, metric) for metric in run.metrics]
        for site, found in rows.items()
        if found
    }


def _compared(results: Results | None, run: Summary) -> dict[str, str]:
    """The first metric's mean of each model, where there is more than the federated one."""
    if results is None or len(results.models) < 2 or not run.metrics:
        return {}
    means = results.means["unweighted"]
    return {MODELS[model]: figure(means.get(model, {}), run.metrics[0]) for model in results.models}


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
