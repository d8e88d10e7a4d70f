"""Draw heartbeats as three made-up electrocardiographs record them: normal or ventricular.

A beat is a sum of bumps (P, Q, R, S, T), as in McSharry et al., IEEE Trans. Biomed. Eng. 2003. A
ventricular beat has no P wave, and its QRS complex is early, wide and followed by a T wave the
other way round. The devices differ in gain, mains hum, wandering baseline and noise; the hospitals
differ in how many of their beats are ventricular. No beat here is a patient's.

    python make_data.py                 write data/
    python make_data.py --out FOLDER    write somewhere else

It needs numpy.
"""

from __future__ import annotations

import argparse
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 128  # samples a second
LENGTH = 128  # samples a beat


@dataclass(frozen=True)
class Device:
    """What a recorder and the patients before it make of a beat."""

    beats: int
    ventricular: float  # share of the beats
    gain: float
    hum: float  # amplitude of 50 Hz, in R waves
    wander: float  # amplitude of the baseline
    noise: float


DEVICES = {
    "ward": Device(400, 0.30, 1.0, 0.05, 0.20, 0.45),
    "holter": Device(900, 0.12, 0.6, 0.03, 0.55, 0.60),
    "ambulance": Device(300, 0.45, 1.4, 0.20, 0.40, 0.55),
}

# Centre (seconds from the R wave), width (seconds) and height (R wave = 1) of each bump.
NORMAL = ((-0.18, 0.025, 0.14), (-0.03, 0.010, -0.14), (0.0, 0.012, 1.0), (0.03, 0.011, -0.25),
          (0.22, 0.045, 0.28))  # fmt: skip
VENTRICULAR = ((-0.01, 0.022, 1.0), (0.05, 0.024, -0.40), (0.24, 0.055, -0.10))


def record(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Beats (n, LENGTH) float32 and whether each is ventricular (n,) int64.

    Raises:
        KeyError: no such device.
    """
    device = DEVICES[name]
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    labels = (draw.uniform(size=device.beats) < device.ventricular).astype(np.int64)
    return np.stack([_beat(draw, device, bool(label)) for label in labels]), labels


def _beat(draw: np.random.Generator, device: Device, ventricular: bool) -> np.ndarray:
    seconds = (np.arange(LENGTH) - 0.42 * LENGTH) / RATE + draw.normal(0, 0.02)
    if ventricular:
        seconds = seconds + draw.uniform(0.0, 0.05)
    beat = np.zeros(LENGTH)
    for centre, width, height in VENTRICULAR if ventricular else NORMAL:
        wide = width * draw.lognormal(0, 0.3)
        high = height * draw.lognormal(0, 0.3)
        place = centre * draw.lognormal(0, 0.08)
        beat += high * np.exp(-((seconds - place) ** 2) / (2 * wide**2))
    hum = device.hum * np.sin(2 * np.pi * 50 * seconds + draw.uniform(0, 2 * np.pi))
    drift = device.wander * np.sin(2 * np.pi * 0.4 * seconds + draw.uniform(0, 2 * np.pi))
    noise = draw.normal(0, device.noise, LENGTH)
    return (device.gain * (beat + hum + drift + noise)).astype(np.float32)


def write_beats(out: Path) -> int:
    """Write one file a hospital; how many beats there are."""
    out.mkdir(parents=True, exist_ok=True)
    total = 0
    for name in DEVICES:
        beats, labels = record(name)
        # 16-bit samples, as recorders store them, in thousandths of a millivolt.
        samples = (beats * 1000).round().clip(-32768, 32767).astype(np.int16)
        np.savez_compressed(out / f"{name}.npz", beats=samples, ventricular=labels.astype(np.uint8))
        total += len(labels)
    return total


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "data", metavar="FOLDER"
    )
    out: Path = parser.parse_args().out
    print(f"{write_beats(out)} drawn beats in {out}")


if __name__ == "__main__":
    main()
