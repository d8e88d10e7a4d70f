"""Run the measurements of speed and memory one after the other: digits, large, growth, start.

make bench                            all of them
python -m benchmarks --no-stock       without the stock SuperNodes, the slow part
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

STOCK = ("digits", "large")
OTHERS = ("growth", "start")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-stock", action="store_true", help="leave the stock SuperNodes out")
    options = parser.parse_args()
    begun = time.monotonic()
    failed = []
    for name in (*STOCK, *OTHERS):
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if name in STOCK and options.no_stock:
            command.append("--no-stock")
        # Each in a process of its own: what one leaves in memory does not slow the next.
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
        print(flush=True)
    print(f"{(time.monotonic() - begun) / 60:.0f} minutes")
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


if __name__ == "__main__":
    main()
