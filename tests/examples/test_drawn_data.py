"""What the scripts draw now is what is committed: pixel by pixel, whatever the encoder."""

from __future__ import annotations

import csv
import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"


def script(example: str) -> ModuleType:
    file = EXAMPLES / example / "make_data.py"
    spec = importlib.util.spec_from_file_location(f"make_data_of_{example.replace('-', '_')}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("institution", ["north", "harbour", "valley"])
def test_slides(institution: str) -> None:
    make_data = script("pathology")
    folder = EXAMPLES / "pathology" / "data" / institution
    assert len(list(folder.glob("*.jpg"))) == make_data.SLIDES
    image, nuclei = make_data.draw_slide(institution, 1)
    kept = np.asarray(Image.open(folder / "slide-1_nuclei.png").convert("L")) > 0
    assert np.array_equal(np.asarray(nuclei) > 127, kept)
    again = io.BytesIO()
    image.save(again, "JPEG", quality=make_data.QUALITY)
    seen = np.asarray(Image.open(folder / "slide-1.jpg"), dtype=float)
    drawn = np.asarray(Image.open(again), dtype=float)
    assert np.abs(seen - drawn).mean() < 0.5, "more than two encoders differ"


@pytest.mark.parametrize("device", ["ward", "holter", "ambulance"])
def test_beats(device: str) -> None:
    beats, labels = script("ecg").record(device)
    with np.load(EXAMPLES / "ecg" / "data" / f"{device}.npz") as kept:
        assert np.array_equal(kept["ventricular"], labels)
        # Rounded to thousandths; libraries of other versions may differ in a last bit.
        assert np.abs(kept["beats"] / 1000 - beats).max() < 0.002


def test_shapes(tmp_path: Path) -> None:
    make_data = script("notebook-federator")
    for name in make_data.SHARES:
        make_data.write_institution(tmp_path / name)
        kept = EXAMPLES / "notebook-federator" / "data" / name
        with (kept / "labels.csv").open(newline="", encoding="utf-8") as table:
            rows = list(csv.DictReader(table))
        assert len(rows) == sum(make_data.PARTS.values())
        for row in rows:
            drawn = np.asarray(Image.open(tmp_path / name / row["file"]))
            assert np.array_equal(drawn, np.asarray(Image.open(kept / row["file"]))), row["file"]


def test_clinics() -> None:
    tables = script("clinics").clinic_tables()
    assert sum(len(table) for table in tables.values()) == 659
    for name, table in tables.items():
        kept = pd.read_csv(EXAMPLES / "clinics" / "data" / f"{name}.csv")
        pd.testing.assert_frame_equal(kept.astype(float), table.reset_index(drop=True), atol=1e-3)
        assert kept["bleeding_at_last_visit"].notna().all()
