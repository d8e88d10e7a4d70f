"""Draw tissue-like images for three made-up institutions, each with a stain and scanner of its own.

Nothing here is a patient's: a slide is noise, ellipses for nuclei and discs for red blood cells,
coloured in optical density (Ruifrok & Johnston, 2001) as haematoxylin and eosin are. What makes
the institutions differ is what differs between real ones: the stains' colours and strengths, the
scanner's blur, noise and brightness, and how large and how dense the nuclei are.

    python make_data.py                 write data/
    python make_data.py --out FOLDER    write somewhere else

It needs numpy and pillow.
"""

from __future__ import annotations

import argparse
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 320  # pixels a side, at half of 40x, as the real images of monuseg.yaml
SLIDES = 6
QUALITY = 88  # of the JPEG files


@dataclass(frozen=True)
class Institution:
    """What a stain, a scanner and an organ make of a slide."""

    haematoxylin: tuple[float, float, float]  # optical density in R, G, B
    eosin: tuple[float, float, float]
    nuclei: int  # a slide, on average
    radius: float  # of a nucleus, pixels
    blur: float  # of the scanner, pixels
    noise: float  # of the scanner, grey levels
    brightness: float  # of the scanner's lamp, of 255


INSTITUTIONS = {
    "north": Institution((0.65, 0.70, 0.29), (0.07, 0.80, 0.33), 210, 6.0, 0.6, 4.0, 248.0),
    "harbour": Institution((0.50, 0.78, 0.40), (0.20, 0.62, 0.46), 150, 7.5, 1.2, 7.0, 232.0),
    "valley": Institution((0.74, 0.60, 0.20), (0.04, 0.52, 0.16), 280, 5.0, 0.9, 5.5, 240.0),
}


def draw_slide(name: str, number: int) -> tuple[Image.Image, Image.Image]:
    """One slide of an institution: the image (RGB) and its nuclei (L, 255 where one is).

    Raises:
        KeyError: no such institution.
    """
    institution = INSTITUTIONS[name]
    draw = np.random.default_rng([zlib.crc32(name.encode()), number])
    nuclei = _ellipses(draw, int(draw.normal(institution.nuclei, 25)), institution.radius)
    blood_cells = _ellipses(draw, int(draw.integers(15, 60)), 4.5, stretch=0.1)
    nucleus = np.asarray(nuclei, dtype=float) / 255
    chromatin = nucleus * (0.75 + 0.5 * _clouds(draw, 3))
    cytoplasm = 0.15 + 0.45 * _clouds(draw, 24) + 0.25 * _clouds(draw, 5)
    cytoplasm = cytoplasm * (1 - 0.6 * nucleus) + 0.5 * np.asarray(blood_cells, dtype=float) / 255
    strength = draw.normal(1.0, 0.08)  # no two slides are stained alike
    density = strength * (
        chromatin[..., None] * np.array(institution.haematoxylin)
        + cytoplasm[..., None] * np.array(institution.eosin)
    )
    light = Image.fromarray(
        (institution.brightness * np.exp(-density)).clip(0, 255).astype("uint8")
    )
    seen = np.asarray(light.filter(ImageFilter.GaussianBlur(institution.blur)), dtype=float)
    seen = seen + draw.normal(0, institution.noise, seen.shape)
    return Image.fromarray(seen.clip(0, 255).astype("uint8")), nuclei


def _ellipses(
    draw: np.random.Generator, count: int, radius: float, stretch: float = 0.35
) -> Image.Image:
    canvas = Image.new("L", (SIZE, SIZE))
    for _ in range(count):
        x, y = draw.uniform(0, SIZE, 2)
        long = radius * draw.lognormal(0, 0.2)
        short = long * (1 - draw.uniform(0, stretch))
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        turn = draw.uniform(0, np.pi)
        along, across = long * np.cos(angles), short * np.sin(angles)
        outline = np.stack(
            [
                x + along * np.cos(turn) - across * np.sin(turn),
                y + along * np.sin(turn) + across * np.cos(turn),
            ],
            axis=1,
        )
        ImageDraw.Draw(canvas).polygon([tuple(point) for point in outline], fill=255)
    return canvas


def _clouds(draw: np.random.Generator, grain: int) -> np.ndarray:
    """Smooth noise from 0 to 1 whose spots are `grain` pixels wide, (SIZE, SIZE)."""
    coarse = draw.integers(0, 256, (SIZE // grain + 2, SIZE // grain + 2), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return np.asarray(smooth, dtype=float) / 255


def write_slides(out: Path) -> int:
    """Write every institution's slides into a folder of its own; how many there are."""
    for name in INSTITUTIONS:
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, SLIDES + 1):
            image, nuclei = draw_slide(name, number)
            image.save(folder / f"slide-{number}.jpg", quality=QUALITY)
            nuclei.point(lambda grey: grey > 127 and 255).convert("1").save(
                folder / f"slide-{number}_nuclei.png", optimize=True
            )
    return SLIDES * len(INSTITUTIONS)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "data", metavar="FOLDER"
    )
    out: Path = parser.parse_args().out
    print(f"{write_slides(out)} drawn slides in {out}")


if __name__ == "__main__":
    main()
