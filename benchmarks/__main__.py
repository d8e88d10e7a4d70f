"""Run the measurements of speed and memory one after the other: digits, large, growth, start.

make bench                            all of them; figures and plots in benchmarks/out
python -m benchmarks --no-stock       without the stock SuperNodes, the slow part
python -m benchmarks --small          at tiny sizes, to see that everything works
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import keep

OUT = Path(__file__).parent / "out"
STOCK = ("digits", "large")
SMALL: dict[str, Sequence[str]] = {
    "digits": ("--rounds", "1", "--repeat", "1"),
    "large": ("--width", "16", "--layers", "2", "--rounds", "2", "--repeat", "1", "--sites", "2"),
    "growth": ("--sites", "2,4", "--sizes", "1,10", "--rounds", "2"),
    "start": ("--repeat", "1", "--sites", "1"),
}


def command_of(name: str, out: Path, *, no_stock: bool, small: bool) -> list[str]:
    """Return the command line of one part, whose figures go to NAME.json in ``out``."""
    # The part that draws wants a folder.
    to = out if name == "growth" else out / f"{name}.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", "--out", str(to)]
    command += ["--no-stock"] if no_stock and name in STOCK else []
    return command + list(SMALL[name] if small else ())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-stock", action="store_true", help="leave the stock SuperNodes out")
    parser.add_argument("--small", action="store_true", help="tiny sizes; says nothing of speed")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of figures and plots")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    found, failed = {}, []
    for name in SMALL:
        print(f"== {name}", flush=True)
        file = options.out / f"{name}.json"
        file.unlink(missing_ok=True)
        command = command_of(name, options.out, no_stock=options.no_stock, small=options.small)
        # Each in a process of its own: what one leaves in memory does not slow the next.
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
        if file.is_file():
            found[name] = json.loads(file.read_text())
        print(flush=True)
    minutes = (time.monotonic() - begun) / 60
    keep(options.out / "results.json", {"minutes": minutes, "failed": failed, **found})
    print(f"{minutes:.0f} minutes")
    if failed:
        sys.exit(f"not measured as a whole: {', '.join(failed)}")


if __name__ == "__main__":
    main()
