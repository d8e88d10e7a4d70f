"""Parts of a benchmark, of which one that fails does not take the others with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.processes import Failed


class Attempts:
    """Remembers which parts failed."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Do one part: if it fails, say so and go on after it.

        ValueError: a run ended otherwise than well, as ``events.finished`` has it.
        """
        try:
            yield
        except (Failed, ValueError, OSError) as error:
            print(f"not measured: {name}: {error}", flush=True)
            self.failed.append(name)

    def end(self) -> None:
        """End this process, badly where a part failed."""
        if self.failed:
            sys.exit(f"not measured: {', '.join(self.failed)}")
