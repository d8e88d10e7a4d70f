"""Where the templates lie, and those modules of the generated packages that nbfed itself uses."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType


@cache
def templates_path() -> Path:
    """The folder of templates: inside an installed wheel, or at the top of a source tree."""
    package = Path(__file__).resolve().parent
    inside_wheel = package / "templates"
    return inside_wheel if inside_wheel.is_dir() else package.parent / "templates"


@cache
def loaded_module(path: str) -> ModuleType:
    """A static module of the generated packages that nbfed itself uses, by its path.

    There is one implementation of what both sides of a federation, and its build, must agree on.
    """
    name = f"nbfed_generated_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, templates_path() / path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up there.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def shared_module(name: str) -> ModuleType:
    """A module of templates/shared, which may import its neighbours there."""
    package = "nbfed_generated_shared"
    if package not in sys.modules:
        parent = ModuleType(package)
        parent.__path__ = [str(templates_path() / "shared")]
        sys.modules[package] = parent
    return importlib.import_module(f"{package}.{name}")
