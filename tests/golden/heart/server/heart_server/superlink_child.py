"""Started as a process of its own: Flower's SuperLink, which ends when its parent does.

The parent holds the other end of standard input and never writes to it. When the parent is gone,
for whatever reason, also killed outright, the system closes that end and reading it returns.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from importlib.metadata import entry_points

_GRACE_SECONDS = 0.5
_FORGET_SECONDS = 0.1


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def _forget_soon() -> None:
    """Look often for requests that are over and refer to themselves, with bodies of megabytes.

    By itself Python looks when there are many of them, and does not see how large they are.
    """
    while True:
        time.sleep(_FORGET_SECONDS)
        gc.collect(1)


def main() -> None:
    """Run ``flower-superlink`` with the arguments of this command."""
    threading.Thread(target=_forget_soon, daemon=True).start()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    (command,) = entry_points(group="console_scripts", name="flower-superlink")
    sys.argv[0] = "flower-superlink"
    command.load()()


if __name__ == "__main__":
    main()
