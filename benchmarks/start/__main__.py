"""Measure how long a server and a site take to be ready, and where the time goes.

python -m benchmarks.start
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks.attempts import Attempts
from benchmarks.engines import Study, build
from benchmarks.large.study import Shape, study
from benchmarks.machine import keep, workplace
from benchmarks.start import measure

RESULTS = Path(__file__).parent / "results.json"
AT_MOST = 8.0
_TINY = Shape(16, 2)


def measured(work: Study, repeat: int, attempts: Attempts) -> dict[str, Any]:
    """Measure one start after the other."""
    made = build(work)
    turns = range(1, repeat + 1)
    found: dict[str, Any] = {}
    with attempts.part("one by one"):
        starts = [measure.one_by_one(work, made, number) for number in turns]
        steps = starts[0].server
        found["server"] = {name: [one.server[name] for one in starts] for name in steps}
        found["site"] = [one.site for one in starts]
    with attempts.part("all at once"):
        found["first_round"] = [measure.all_at_once(work, made, number) for number in turns]
    with attempts.part("imports"):
        found["imports"] = measure.imports(work, made)
    return found


def table(found: dict[str, Any]) -> str:
    """The medians, and the packages' shares of the time that imports take."""
    several = {f"server: {name}": seconds for name, seconds in found.get("server", {}).items()}
    several["site: it is connected"] = found.get("site", [])
    several["all started at once: the first round"] = found.get("first_round", [])
    rows = [(what, statistics.median(seconds)) for what, seconds in several.items() if seconds]
    lines = [f"seconds from the command on (server and site: at most {AT_MOST:g})"]
    lines += [f"  {what:<40}{seconds:>6.1f}" for what, seconds in rows]
    for who, seconds in found.get("imports", {}).items():
        total = sum(seconds.values())
        shares = ", ".join(f"{name} {part / total:.0%}" for name, part in seconds.items())
        lines.append(f"imports of the {who}, {total:.1f} s while they are written down: {shares}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="starts of each kind")
    parser.add_argument("--sites", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the figures go as JSON")
    parser.add_argument("--keep", type=Path, help="keep logs and runs in this (new) folder")
    options = parser.parse_args()
    with workplace(options.keep) as folder:
        work = study(folder / "start", _TINY, sites=options.sites, rounds=1)
        attempts = Attempts()
        found = measured(work, options.repeat, attempts)
    print(table(found))
    keep(options.out, found | {"failed": attempts.failed})
    attempts.end()


if __name__ == "__main__":
    main()
