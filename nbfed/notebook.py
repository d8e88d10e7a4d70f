"""Read a notebook: bytes in, frozen cells out."""

from __future__ import annotations

from nbfed.cells import Cell, MagicLine, Notebook, PipLine, SyntaxProblem

__all__ = ["Cell", "MagicLine", "Notebook", "PipLine", "SyntaxProblem"]
