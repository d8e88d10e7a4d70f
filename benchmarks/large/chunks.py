"""Measure a round's seconds with the arrays cut into chunks of other sizes than Flower's 5 MiB.

python -m benchmarks.large.chunks

A message is chunked in any case: Flower cuts it, and nbfed sends and takes its chunks two at a
time. The gateway takes none above 16 MiB.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks import engines
from benchmarks.attempts import Attempts
from benchmarks.growth.__main__ import numbers
from benchmarks.large.measure import LINE, round_seconds
from benchmarks.large.study import LARGE, Shape, study
from benchmarks.machine import keep, workplace
from benchmarks.relay import Relay

RESULTS = Path(__file__).parent / "out" / "chunks.json"
SIZES = (1.0, 2.5, 5.0, 10.0, 15.0)
_MIB = 1024 * 1024
_VARIABLE = "FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=numbers, default=list(SIZES), metavar="MIB,MIB")
    parser.add_argument("--layers", type=int, default=LARGE.layers)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sites", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the figures go as JSON")
    options = parser.parse_args()
    shape, attempts = Shape(LARGE.width, options.layers), Attempts()
    found: dict[str, dict[str, float]] = {}
    print(f"{shape.bytes / 1e6:.0f} MB, {options.sites} sites, medians of {options.rounds} rounds")
    print(f"{'chunk, MiB':<12}{'s a round':>10}{'on lines of 100 Mbit/s':>24}", flush=True)
    with workplace(None) as folder:
        work = study(folder / "work", shape, sites=options.sites, rounds=options.rounds)
        made = engines.build(work)
        for size in options.sizes:
            place = replace(work, folder=folder / f"{size:g}")
            cut = {_VARIABLE: str(round(size * _MIB))}
            with attempts.part(f"{size:g} MiB"):
                plain = round_seconds(engines.federation(place, made, **cut))
                relays: dict[str, Relay] = {}
                ran = engines.federation(place, made, name="line", relays=relays, rate=LINE, **cut)
                found[f"{size:g}"] = {"round_seconds": plain, "line": round_seconds(ran)}
                print(f"{size:<12g}{plain:>10.2f}{found[f'{size:g}']['line']:>24.2f}", flush=True)
    keep(options.out, {"model_bytes": shape.bytes, "chunks": found, "failed": attempts.failed})
    attempts.end()


if __name__ == "__main__":
    main()
