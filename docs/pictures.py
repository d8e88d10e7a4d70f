"""Make the pictures of README from a real run: the terminal as SVG, the report as PNG.

    python docs/pictures.py

It needs Chromium (/usr/bin/chromium) and what `make test` installs.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "pictures"
NOTEBOOK = "examples/heart-disease/heart.ipynb"
COLUMNS = 92
_MOVES = re.compile(r"\x1b\[(?:\d*[ABCDGJK]|\?\d+[hl])")
_FONT_FACE = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)
REPORT_SIZE = (1080, 860)


def main() -> None:
    """Run the example, then draw what it showed."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        shown = in_a_terminal(
            *("simulate", NOTEBOOK, "--run-dir", str(run), "--out", str(Path(folder) / "dist"))
        )
        last = shown[shown.rindex("accuracy on each") :].replace(str(run), "runs/latest")
        (OUT / "terminal.svg").write_text(as_svg(f"$ nbfed simulate {NOTEBOOK}\n{last}"), "utf-8")
        photograph(run / "report.html", OUT / "report.png")
    print(f"wrote {OUT.relative_to(ROOT)}/terminal.svg and report.png")


def in_a_terminal(*arguments: str) -> str:
    """What a command prints on a terminal, its moves of the cursor left out."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "LINES": "50", "TERM": "xterm-256color"}
    with subprocess.Popen(
        [sys.executable, "-m", "nbfed", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed.
                break
            if not part:
                break
            parts.append(part)
        os.close(ours)
    text = b"".join(parts).decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"nbfed ended with {process.returncode}:\n{text}")
    return _MOVES.sub("", text.replace("\r\n", "\n"))


def as_svg(text: str) -> str:
    """The text, with its colours, in a window; no font is loaded from anywhere."""
    from rich._export_format import CONSOLE_SVG_FORMAT

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(text))
    code_format = _FONT_FACE.sub("", CONSOLE_SVG_FORMAT)
    return console.export_svg(
        title="nbfed", theme=SVG_EXPORT_THEME, code_format=code_format, unique_id="nbfed"
    )


def photograph(page: Path, out: Path) -> None:
    """The top of a page as a picture."""
    width, height = REPORT_SIZE
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        tab = browser.new_page(viewport={"width": width, "height": height})
        tab.goto(page.resolve().as_uri())
        tab.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    main()
