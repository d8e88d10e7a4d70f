"""nbformat is imported without what makes its import long, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[3] / "examples" / "heart-disease" / "heart.ipynb"
READS = f"""
import sys
from pathlib import Path
from nbfed.read.notebook import read_notebook
path = Path({str(NOTEBOOK)!r})
notebook, problems = read_notebook(path.read_bytes(), path.name)
assert notebook is not None and not problems
"""


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", READS + code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_grammar_is_not_read() -> None:
    assert python("print('jsonschema' in sys.modules, 'rfc3987_syntax' in sys.modules)") == (
        "True False"
    )


def test_it_can_be_imported_afterwards() -> None:
    pytest.importorskip("rfc3987_syntax", reason="rfc3987-syntax is not installed")
    assert python("import rfc3987_syntax; print(rfc3987_syntax.__name__)") == "rfc3987_syntax"
