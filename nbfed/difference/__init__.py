"""What changed between two builds, told in cells of the notebook."""

from __future__ import annotations

from nbfed.difference.compare import Change, Difference, Hunk, compare
from nbfed.difference.contents import Contents, read_contents
from nbfed.difference.module_lines import Line
from nbfed.difference.rendering import as_json, as_text

__all__ = [
    "Change",
    "Contents",
    "Difference",
    "Hunk",
    "Line",
    "as_json",
    "as_text",
    "compare",
    "read_contents",
]
