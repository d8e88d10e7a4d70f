"""Draw small images of discs, squares and crosses for two institutions.

The institutions differ in noise and in how often each shape is seen.

    python make_data.py                 write data/
    python make_data.py --out FOLDER    write somewhere else

It needs numpy and pillow.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 24
SHAPES = ("disc", "square", "cross")
SHARES = {"institution-1": (0.5, 0.3, 0.2), "institution-2": (0.2, 0.3, 0.5)}
NOISE = {"institution-1": 25.0, "institution-2": 40.0}
PARTS = {"train": 120, "test": 60}


def draw_shape(draw: np.random.Generator, shape: str, noise: float) -> np.ndarray:
    """One image (SIDE, SIDE) uint8.

    Raises:
        ValueError: no such shape.
    """
    rows, columns = np.mgrid[:SIDE, :SIDE]
    x, y = draw.uniform(9, 15, 2)
    size = draw.uniform(4, 7)
    across, down = np.abs(columns - x), np.abs(rows - y)
    if shape == "disc":
        inside = across**2 + down**2 < size**2
    elif shape == "square":
        inside = np.maximum(across, down) < size * 0.85
    elif shape == "cross":
        inside = (np.minimum(across, down) < 1.6) & (np.maximum(across, down) < size)
    else:
        raise ValueError(f"no shape {shape!r}: {', '.join(SHAPES)}")
    image = 60 + 110 * inside + draw.normal(0, noise, inside.shape)
    return image.clip(0, 255).astype(np.uint8)


def write_institution(folder: Path) -> int:
    """Write an institution's images and labels.csv; how many images there are."""
    draw = np.random.default_rng(zlib.crc32(folder.name.encode()))
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for part, count in PARTS.items():
        for number in range(count):
            label = int(draw.choice(len(SHAPES), p=SHARES[folder.name]))
            file = f"{part}-{number:03d}.png"
            image = draw_shape(draw, SHAPES[label], NOISE[folder.name])
            Image.fromarray(image).save(folder / file, optimize=True)
            rows.append({"file": file, "part": part, "label": label})
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, ["file", "part", "label"])
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "data", metavar="FOLDER"
    )
    out: Path = parser.parse_args().out
    for name in SHARES:
        print(f"{write_institution(out / name)} drawn images in {out / name}")


if __name__ == "__main__":
    main()
