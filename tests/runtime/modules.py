"""Load a module that lies among the templates, as it stands."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def template_module(path: str) -> ModuleType:
    name = "template_" + path.removesuffix(".py").replace("/", "_")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TEMPLATES / path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        # dataclasses look their module up there.
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
