"""Started as a process of its own: finds the package that this file is in, and runs its gateway."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    package = Path(__file__).resolve().parent
    # Behind all that is installed: nothing beside the package can stand in for a library.
    sys.path.append(str(package.parent))
    import_module(f"{package.name}.gateway_main").main()
