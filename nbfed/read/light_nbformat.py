"""nbformat, imported without a grammar that it never uses.

Where rfc3987-syntax is installed, as it is beside JupyterLab, jsonschema reads a grammar of web
addresses as soon as it is imported. That takes longer than all else that a build does, and no
notebook has such an address. jsonschema does without the package where it is not there.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_GRAMMAR = "rfc3987_syntax"


def import_light(name: str) -> ModuleType:
    """Import nbformat or a module of it; raises ImportError as an import does."""
    if "jsonschema" in sys.modules or _GRAMMAR in sys.modules:
        return importlib.import_module(name)
    modules: dict[str, Any] = sys.modules
    modules[_GRAMMAR] = None  # makes its import fail
    try:
        return importlib.import_module(name)
    finally:
        del modules[_GRAMMAR]
