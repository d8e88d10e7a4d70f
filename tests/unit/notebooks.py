"""Notebooks for tests, from short texts."""

from __future__ import annotations

import json

from nbfed.diagnostics import Diagnostic
from nbfed.read.cells import Notebook
from nbfed.read.notebook import read_notebook


def code(source: object, *tags: str, **more: object) -> dict[str, object]:
    """A code cell of format 4.5."""
    metadata = {"tags": list(tags)} if tags else {}
    cell = {"cell_type": "code", "source": source, "metadata": metadata, "outputs": []}
    return {**cell, "execution_count": None, **more}


def markdown(source: str, *tags: str) -> dict[str, object]:
    """A markdown cell."""
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": "markdown", "source": source, "metadata": metadata}


def notebook_json(*cells: object, **more: object) -> dict[str, object]:
    """The JSON of a notebook; a text stands for a code cell."""
    full = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": full, **more}


def as_bytes(content: object) -> bytes:
    """The bytes of a file with this JSON."""
    return json.dumps(content).encode()


def read(*cells: object) -> Notebook:
    """A notebook that has to be readable."""
    notebook, problems = read_notebook(as_bytes(notebook_json(*cells)), "a.ipynb")
    assert notebook is not None, problems
    return notebook


def percent(source: str) -> list[str]:
    """Cells parted by ``# %%`` lines."""
    return source.split("\n# %%\n")


def codes(diagnostics: list[Diagnostic]) -> list[str]:
    """The codes of some findings, in order."""
    return [found.code for found in diagnostics]


def places(diagnostics: list[Diagnostic]) -> list[tuple[str, int, int, int]]:
    """Code, cell, line and column of some findings."""
    return [
        (found.code, found.location.cell, found.location.line, found.location.column)
        for found in diagnostics
    ]
