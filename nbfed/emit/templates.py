"""Find the templates and render them with Jinja."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@cache
def templates_path() -> Path:
    """The folder of templates: inside an installed wheel, or at the top of a source tree."""
    package = Path(__file__).resolve().parent.parent
    inside_wheel = package / "templates"
    return inside_wheel if inside_wheel.is_dir() else package.parent / "templates"


@cache
def _environment() -> Environment:
    # The output is Python, TOML and Markdown, never HTML: autoescape would corrupt it.
    return Environment(
        loader=FileSystemLoader(templates_path()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(template: str, context: Mapping[str, Any]) -> str:
    """Render the template with this path below the templates folder.

    Raises jinja2.UndefinedError where the context lacks a name that the template uses.
    """
    return _environment().get_template(template).render(context)


def static_modules(folder: str) -> dict[str, bytes]:
    """Modules of a templates folder that are copied as they are, by file name."""
    return {
        path.name: path.read_bytes() for path in sorted((templates_path() / folder).glob("*.py"))
    }


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


def rendered_modules(folder: str, context: Mapping[str, Any]) -> dict[str, str]:
    """Every ``NAME.jinja`` of a templates folder, rendered, by NAME."""
    return {
        path.name.removesuffix(".jinja"): render(f"{folder}/{path.name}", context)
        for path in sorted((templates_path() / folder).glob("*.jinja"))
    }
