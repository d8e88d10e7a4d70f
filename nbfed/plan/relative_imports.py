"""Imports relative to a package, which a notebook is not in."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbfed.analyse.facts import Facts
from nbfed.diagnostics import Diagnostic
from nbfed.plan.helpers import FOLDER
from nbfed.plan.notes import note
from nbfed.plan.slice import Slice


def relative_imports(facts: Facts, found: Slice) -> Iterator[Diagnostic]:
    """Relative imports of a slice, but for those of helpers that were found."""
    for item in found.ordered:
        for node in item.nodes:
            match node:
                case ast.ImportFrom(level=level, module=module) if level and not item.edits:
                    shown = "." * level + (module or "")
                    if (module or "").partition(".")[0] != FOLDER:
                        yield note(
                            facts,
                            "NBF403",
                            item,
                            f"`{shown}` is relative to a package, and a notebook is in none",
                            f"put `{(module or 'module').partition('.')[0]}.py` beside the "
                            f"notebook, and import it as `from {module or 'module'} import ...`",
                            node,
                        )
