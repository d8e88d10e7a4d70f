"""``local``: the model of this site alone, the baseline that a federation has to be better than."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from . import exchange
from .exits import SiteError
from .leaving import Leaving
from .place import Place
from .rehearsal import Rehearsal
from .site_file import node_config
from .site_loop import check_settings


def local(place: Place, *, rounds: int, seed: int, out: Path | None, as_json: bool) -> None:
    """Train on this site's data alone for some rounds, and print the metrics of each.

    ``out`` is a safetensors file for the last weights. Raises SiteError.
    """
    file = place.file
    node = node_config(place.site, file.params, file.overrides)
    check_settings(node, place.config.name)
    # Nothing stays behind between rounds that would travel elsewhere: it is one model.
    rehearsal = Rehearsal({**node, "exchange-all": True}, file.policy, seed=seed)
    weights = rehearsal.initial()
    history = []
    for number in range(1, rounds + 1):
        weights, leaving = rehearsal.train(weights, number)
        history.append(_numbers(leaving, "metrics"))
        print(f"round {number}: trained, {_told(history[-1])}", file=sys.stderr)
    last = rehearsal.evaluate(weights, rounds)
    metrics = _numbers(last, "metrics") if last else {}
    if out:
        try:
            exchange.save(out, weights)
        except OSError as error:
            raise SiteError(f"{out} cannot be written: {error.strerror}") from error
    if as_json:
        print(json.dumps({"site": place.site, "rounds": history, "evaluation": metrics}))
    else:
        print(f"{place.site} alone after {rounds} rounds: {_told(metrics)}")


def _numbers(leaving: Leaving, record: str) -> dict[str, float]:
    return leaving.numbers.get(record, {})


def _told(numbers: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items()) or "no numbers"
