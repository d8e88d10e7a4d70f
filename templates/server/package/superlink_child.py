"""Started as a process of its own: Flower's SuperLink, which ends when its parent does.

The parent holds the other end of standard input and never writes to it. When the parent is gone,
for whatever reason, also killed outright, the system closes that end and reading it returns.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from importlib.metadata import entry_points

_GRACE_SECONDS = 0.5


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def main() -> None:
    """Run ``flower-superlink`` with the arguments of this command."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    (command,) = entry_points(group="console_scripts", name="flower-superlink")
    sys.argv[0] = "flower-superlink"
    command.load()()


if __name__ == "__main__":
    main()
