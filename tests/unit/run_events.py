"""A run's events as the server writes them, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]

SITES = {"cleveland": 76, "va": 50}
ACCURACY = [0.5, 0.75, 0.875]


def started(**fields: Any) -> Event:
    return {
        "time": "2026-01-02T03:04:05.000+00:00",
        "event": "run-started",
        "name": "heart",
        "engine": "embedded",
        "digest": "0123abcd",
        "rounds": 2,
        "seed": 42,
        "strategy": "fedavg",
        "sites": list(SITES),
        "min_sites": 2,
        "params": {"LR": 0.1},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
    } | fields


def evaluated(number: int) -> Event:
    value = ACCURACY[number]
    metrics = {"accuracy": value, "loss": round(1 - value, 3)}
    return {
        "event": "evaluated",
        "round": number,
        "sites": {site: {"examples": n, "metrics": metrics} for site, n in SITES.items()},
        "weighted": metrics,
        "unweighted": metrics,
    }


def trained(number: int) -> Iterator[Event]:
    yield {"event": "round-started", "round": number, "sites": list(SITES)}
    for site, examples in SITES.items():
        yield {
            "time": f"2026-01-02T03:04:0{number}.500+00:00",
            "event": "site-replied",
            "round": number,
            "site": site,
            "examples": examples,
            "seconds": 0.5,
            "train_seconds": 0.25,
            "evaluate_seconds": 0.125,
            "train": {"train_loss": 0.5 / number},
            "bytes_in": 1000,
            "bytes_out": 1500,
        }


def finished(number: int, **fields: Any) -> Event:
    return {
        "event": "round-finished",
        "round": number,
        "seconds": 1.5,
        "sites": list(SITES),
        "missing": [],
        "train": {"train_loss": 0.5 / number},
    } | fields


def ended(**fields: Any) -> Event:
    return {
        "event": "run-finished",
        "outcome": "finished",
        "rounds_done": 2,
        "seconds": 3.25,
        "reason": "",
        "file": "model.safetensors",
    } | fields


def whole_run() -> list[Event]:
    joined = [{"event": "site-joined", "site": site, "versions": {}} for site in SITES]
    rounds: list[Event] = []
    for number in (1, 2):
        rounds += [*trained(number), evaluated(number - 1), finished(number)]
    return [started(), *joined, *rounds, evaluated(2), ended()]
