"""Load a module that lies among the templates, as it stands."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def template_module(path: str) -> ModuleType:
    """Import it in a package of its folder, so that it finds the modules beside it."""
    folder = Path(path).parent
    package = "template_" + folder.as_posix().replace("/", "_")
    if package not in sys.modules:
        spec = importlib.machinery.ModuleSpec(package, None, is_package=True)
        spec.submodule_search_locations = [str(TEMPLATES / folder)]
        sys.modules[package] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{package}.{Path(path).stem}")
