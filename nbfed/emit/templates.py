"""Find the templates and render them with Jinja."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nbfed.template_folder import templates_path


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


def rendered_modules(folder: str, context: Mapping[str, Any]) -> dict[str, str]:
    """Every ``NAME.jinja`` of a templates folder, rendered, by NAME."""
    return {
        path.name.removesuffix(".jinja"): render(f"{folder}/{path.name}", context)
        for path in sorted((templates_path() / folder).glob("*.jinja"))
    }
