"""The notebook as a page: what the reviewer sees, and what never gets there."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from nbfed.bundle.page import MEANINGS, notebook_page
from nbfed.read.notebook import read_notebook
from nbfed.read.regions import find_regions
from nbfed.roles import Role


def code(source: str, **more: Any) -> dict[str, Any]:
    empty = {"execution_count": None, "metadata": {}, "outputs": []}
    return {"cell_type": "code", "source": source, **empty, **more}


def text(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {}, **more}


def page(*cells: dict[str, Any], sources: dict[str, list[list[int]]] | None = None) -> str:
    content = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook, _ = read_notebook(json.dumps(content).encode(), "study.ipynb")
    assert notebook
    regions, _ = find_regions(notebook)
    made = notebook_page(notebook, regions, sources or {}, federation="study", digest="ab" * 32)
    return made.decode()


def shown(html: str) -> str:
    """The text that a reader sees."""
    return re.sub(r"<[^>]+>", "", html.partition("<body>")[2])


class References(HTMLParser):
    """Elements, and addresses that a browser would fetch by itself."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"src", "srcset", "data", "poster", "background"} or (
                name == "href" and tag != "a"
            ):
                self.fetched.append(value or "")
            if name == "href" and tag == "a":
                self.links.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)


def test_roles_are_marked_with_their_lines_and_modules() -> None:
    html = page(
        code("import torch"),
        code("# nbfed: params\nLR = 0.1\n# nbfed: train\nprint(LR)\nprint(2)"),
        sources={"train.py": [[10, 11, 2, 4]], "data.py": [[1, 1, 1, 1]]},
    )
    seen = shown(html)
    assert '<span class="role params">params</span> cell 2, lines 1–2:' in html
    assert '<span class="role train">train</span> cell 2, lines 3–5:' in html
    assert f"{MEANINGS[Role.TRAIN]}; in train.py" in seen
    assert f"cell 1, line 1: {MEANINGS[None]}; in data.py" in seen
    assert "ab" * 32 in seen


def test_every_role_has_a_meaning() -> None:
    assert set(MEANINGS) == {*Role, None}


def test_no_output_count_or_attachment_is_in_it() -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "patient 4711"}
    html = page(
        code("x = 1", outputs=[output], execution_count=98765),
        text(
            "![scan](attachment:scan.png)", attachments={"scan.png": {"image/png": "cGF0aWVudA=="}}
        ),
    )
    for secret in ("patient 4711", "98765", "cGF0aWVudA"):
        assert secret not in html
    assert "[picture: scan]" in shown(html)


@pytest.mark.parametrize(
    "source",
    [
        "![a](https://example.org/a.png)",
        "![a][r]\n\n[r]: https://example.org/a.png",
        '<img src="https://example.org/a.png" onerror="alert(1)">',
        '<script src="https://example.org/a.js"></script><script>alert(1)</script>',
        '<iframe src="https://example.org"></iframe>',
        '<div style="background: url(https://example.org/a.png)" onclick="alert(1)">x</div>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<svg><image href="https://example.org/a.png"/></svg>',
        '<p><object data="https://example.org/a"></object></p>',
        "[a](javascript:alert(1))",
        "```html\n<script>alert(1)</script>\n```",
        "$$\\text{<img src=x onerror=alert(1)>}$$",
    ],
)
def test_the_page_loads_and_runs_nothing(source: str) -> None:
    html = page(code("x = 1"), text(source))
    found = References(html)
    assert found.fetched == ["data:,"]
    assert found.handlers == []
    assert not found.tags & {"script", "img", "iframe", "object", "svg", "embed"}
    assert not any(link.startswith("javascript") for link in found.links)
    assert "default-src 'none'" in html


def test_code_is_text() -> None:
    html = page(code("x = '</pre><script>alert(1)</script>'"))
    assert "script" not in References(html).tags
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("DATA = '/home/me/cleveland.csv'", "DATA = ..."),
        ("DATA = '/home/me/a#b.csv'  # from /home/me", "DATA = ..."),
        ("DATA: str = '/home/me'", "DATA: str = ..."),
        ("A = '/home/me'; B = 'home/me'", "A = ...; B = ..."),
        ("A = [\n    '/home/me',\n]\nB = '/home/me'", "A = ...\nB = ..."),
        ("from pathlib import Path\nA = Path('/home/me')", "from pathlib import Path\nA = ..."),
        ("print('/home/me')", "..."),
        ("Ä = '/home/me/ü' + 'me'", "Ä = ..."),
        ("A = 1\n!ls /home/me", "A = ..."),
    ],
)
def test_the_authors_values_for_a_site_are_not_shown(source: str, seen: str) -> None:
    html = page(code(f"# nbfed: site\n{source}\n# nbfed: params\nLR = 0.1"))
    assert "home" not in html
    for line in seen.splitlines():
        assert line in shown(html)
    assert "LR = 0.1" in shown(html)


def test_values_behind_a_statement_that_does_not_parse_are_not_shown() -> None:
    html = page(code("# nbfed: site\nDATA = '/home/me'\nif:"), code("x = 1"))
    assert "/home/me" not in html


def test_the_same_notebook_gives_the_same_page() -> None:
    cells = (code("# nbfed: params\nLR = 0.1"), text("# A\n\n| a |\n|---|\n| 1 |"))
    assert page(*cells) == page(*cells)
