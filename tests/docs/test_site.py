"""The documentation builds without a warning, and its pages need nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nbfed.catalogue import CATALOGUE
from nbfed.federation.schema import Federation
from nbfed.read.options import OPTIONS

from .blocks import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_references_hold_every_code_option_and_key(site: Path) -> None:
    diagnostics = (site / "reference" / "diagnostics.html").read_text(encoding="utf-8")
    assert all(code in diagnostics for code in CATALOGUE)
    language = (site / "reference" / "language.html").read_text(encoding="utf-8")
    assert all(
        f"<code>{option}</code>" in language for known in OPTIONS.values() for option in known
    )
    federation = (site / "reference" / "federation.html").read_text(encoding="utf-8")
    assert all(f"<code>{key}</code>" in federation for key in Federation.model_fields)


OWN_PAGES = [
    path
    for folder in (ROOT, ROOT / "examples", ROOT / "docs")
    for path in sorted(folder.glob("*.md" if folder == ROOT else "**/*.md"))
]


@pytest.mark.parametrize("page", OWN_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    made = {"language.md", "federation.md", "commands.md", "diagnostics.md"}
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target and Path(target).name not in made:
            assert (page.parent / target).exists(), target


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    loaded = re.compile(
        r"<(?:script|img|iframe)[^>]+src=\"https?:|<link[^>]+stylesheet[^>]+https?:"
    )
    for page in site.rglob("*.html"):
        assert not loaded.search(page.read_text(encoding="utf-8")), page.name
