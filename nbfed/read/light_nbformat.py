"""nbformat, imported without the checkers of formats that it never uses.

Beside JupyterLab there are packages with which jsonschema checks web addresses, durations and the
like; it imports them at once, and one of them reads a grammar then. That takes longer than all else
that a build does, and no notebook's schema has such a format. jsonschema does without those that
are not there.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_CHECKERS = ("isoduration", "rfc3986_validator", "rfc3987_syntax", "uri_template", "webcolors")


def import_light(name: str) -> ModuleType:
    """Import nbformat or a module of it; raises ImportError as an import does."""
    if "jsonschema" in sys.modules:
        return importlib.import_module(name)
    modules: dict[str, Any] = sys.modules
    hidden = [checker for checker in _CHECKERS if checker not in modules]
    for checker in hidden:
        modules[checker] = None  # makes its import fail
    try:
        return importlib.import_module(name)
    finally:
        for checker in hidden:
            del modules[checker]
