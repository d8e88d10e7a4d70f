"""The same simulation with several seeds: a run for each, and their figures together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbfed.engine.request import Request, unfinished
from nbfed.engine.simulate import simulate
from nbfed.files import write_whole
from nbfed.outcome.results import Results
from nbfed.outcome.seeds import over_seeds
from nbfed.runs import RESULTS, SEEDS

if TYPE_CHECKING:
    from nbfed.emit import Build
    from nbfed.federation.schema import Federation

# Called with a seed, its run's folder and whether it was run before; shows the run meanwhile.
Around = Callable[[int, Path, bool], AbstractContextManager[None]]


def simulate_seeds(
    build: Build,
    federation: Federation,
    *,
    run_dir: Path,
    seeds: Sequence[int],
    config: Mapping[str, Any],
    baselines: tuple[str, ...],
    workers: int | None,
    around: Around,
) -> Results:
    """Run every seed in ``run_dir/seeds/SEED``; the figures together go to ``run_dir``.

    Seeds that were finished there before are not run again, so an interrupted call can be
    repeated, and one with more seeds adds to it. Raises OutputRefused where ``run_dir`` holds
    something else, FederationFailed where a run fails.
    """
    with Request.of(build, federation, config, baselines).claim(run_dir):
        found = []
        for seed in seeds:
            folder = run_dir / SEEDS / str(seed)
            anew = unfinished(folder)
            if anew:
                folder.mkdir(parents=True)
            with around(seed, folder, not anew):
                if anew:
                    simulate(
                        build,
                        federation,
                        run_dir=folder,
                        workers=workers,
                        baselines=baselines,
                        seed=seed,
                        config=config,
                    )
            found.append(Results.read(folder))
        results = over_seeds(found) if len(found) > 1 else found[0]
        write_whole(run_dir / RESULTS, results.to_json())
    return results
