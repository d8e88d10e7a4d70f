"""CPU time of `nbfed --help`, of building a notebook of 300 cells, and how it grows with cells.

make bench-compiler                         about a minute
python -m benchmarks.compiler --json        for scripts; exit code 1 if a target is missed
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.compiler.measure import command_seconds, compile_seconds
from benchmarks.compiler.notebooks import notebook_bytes

HELP_TARGET = 0.5
BUILD_TARGET = 1.5
BUILD_CELLS = 300
SIZES = (30, 100, 300, 1000, 3000)
# A cell of the largest notebook may cost this much more than one of the notebook that is
# compiled in the target's time: it is the growth that counts, and fixed costs flatter it.
GROWTH_TARGET = 1.5


@dataclass(frozen=True)
class Size:
    """Compiling in this process, all imports done."""

    cells: int
    seconds: float

    @property
    def per_cell(self) -> float:
        """CPU seconds for a cell."""
        return self.seconds / self.cells


@dataclass(frozen=True)
class Figures:
    """All that is measured, in CPU seconds."""

    help_seconds: float
    build_seconds: float
    sizes: tuple[Size, ...]

    @property
    def growth(self) -> float:
        """What a cell of the largest notebook costs, in cells of the target's notebook."""
        middle = next(size for size in self.sizes if size.cells == BUILD_CELLS)
        return self.sizes[-1].per_cell / middle.per_cell

    @property
    def missed(self) -> list[str]:
        """The targets that are missed."""
        checks = (
            ("help", self.help_seconds, HELP_TARGET),
            ("build", self.build_seconds, BUILD_TARGET),
            ("growth", self.growth, GROWTH_TARGET),
        )
        return [name for name, found, target in checks if found >= target]


def measure(repeat: int) -> Figures:
    with tempfile.TemporaryDirectory(prefix="nbfed-bench-") as folder:
        cwd = Path(folder)
        (cwd / "bench.ipynb").write_bytes(notebook_bytes(BUILD_CELLS))
        build = ("build", "bench.ipynb", "--force", "--out")
        return Figures(
            command_seconds("--help", cwd=cwd, repeat=repeat),
            command_seconds(*build, "dist", cwd=cwd, repeat=repeat),
            tuple(Size(cells, compile_seconds(notebook_bytes(cells), repeat)) for cells in SIZES),
        )


def as_text(figures: Figures) -> str:
    lines = [
        _figure("nbfed --help", figures.help_seconds, HELP_TARGET),
        _figure(f"nbfed build, {BUILD_CELLS} cells", figures.build_seconds, BUILD_TARGET),
        "",
        "compiling alone, without imports:",
        f"{'cells':>8} {'s CPU':>8} {'ms a cell':>10} {'to the row above':>18}",
    ]
    previous: Size | None = None
    for size in figures.sizes:
        ratio = f"{size.per_cell / previous.per_cell:.2f}" if previous else ""
        lines.append(f"{size.cells:8} {size.seconds:8.3f} {1000 * size.per_cell:10.3f} {ratio:>18}")
        previous = size
    lines.append(
        f"a cell of {figures.sizes[-1].cells} costs {figures.growth:.2f} times one of {BUILD_CELLS}"
        f"  (target {GROWTH_TARGET})"
    )
    lines += [f"missed: {name}" for name in figures.missed]
    return "\n".join(lines)


def _figure(what: str, seconds: float, target: float) -> str:
    return f"{what:24} {seconds:6.2f} s CPU  (target {target})"


def as_json(figures: Figures) -> str:
    return json.dumps({**asdict(figures), "growth": figures.growth, "missed": figures.missed})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each, the median counts")
    options = parser.parse_args()
    figures = measure(options.repeat)
    print(as_json(figures) if options.json else as_text(figures))
    sys.exit(1 if figures.missed else 0)


if __name__ == "__main__":
    main()
