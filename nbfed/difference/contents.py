"""Read a build's folder as what it means: stages in lines of cells, parameters, settings."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from nbfed.difference.module_lines import Line, Row, module_lines
from nbfed.emit import Build
from nbfed.emit.manifest import sha256
from nbfed.errors import UsageError

STAGES: Mapping[str, str] = {
    "data": "client/data.py",
    "model": "client/model.py",
    "train": "client/train.py",
    "evaluate": "client/evaluate.py",
    "strategy": "server/strategy_cell.py",
}
PARAMS = "client/params.py"
SITE = "client/site_config.py"
SETTINGS = "flower-app/pyproject.toml"


@dataclass(frozen=True)
class Contents:
    """A build, read. ``files`` holds the SHA-256 of every file by its path.

    In paths the packages' own names are left out (``client/train.py``), so that builds of
    different names compare. The Flower App's copies of the two packages are not listed.
    """

    folder: str
    name: str
    notebook: str
    nbfed: str
    digests: Mapping[str, str]
    stages: Mapping[str, tuple[Line, ...]]
    params: Mapping[str, str]
    site: Mapping[str, str]
    requirements: Mapping[str, Mapping[str, str]]
    settings: Mapping[str, str]
    files: Mapping[str, str]


def read_contents(build: Build) -> Contents:
    """Read the files that a build's manifest lists, as they are now.

    Raises UsageError where one of them is gone or cannot be read.
    """
    texts = dict(_texts(build))
    rows = {
        f"{side}/{name}": each
        for side in ("client", "server")
        for name, each in _sourcemap(build, texts, f"{side}/sourcemap.json").items()
    }
    return Contents(
        folder=str(build.folder),
        name=build.names.name,
        notebook=Path(build.manifest.notebook).name,
        nbfed=build.manifest.nbfed,
        digests={
            "client": build.manifest.client_digest,
            "server": build.manifest.server_digest,
        },
        stages={
            stage: module_lines(_tree(build, texts, path), texts[path], rows.get(path, []))
            for stage, path in STAGES.items()
            if path in texts
        },
        params=_fields(_tree(build, texts, PARAMS)),
        site=_fields(_tree(build, texts, SITE)),
        requirements={
            side: _requirements(_toml(build, texts, f"{side}/pyproject.toml"))
            for side in ("client", "server")
        },
        settings=dict(_settings(_toml(build, texts, SETTINGS))),
        files={path: sha256(text.encode()) for path, text in texts.items()},
    )


def _texts(build: Build) -> Iterator[tuple[str, str]]:
    packages = {build.names.client_package, build.names.server_package}
    for path in build.manifest.files:
        side, *rest = path.split("/")
        if rest[0] in packages:
            rest = rest[1:]
            if side == "flower-app":
                continue
        try:
            text = (build.folder / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise _unreadable(build, path) from None
        yield "/".join([side, *rest]), text


def _fields(tree: ast.Module) -> dict[str, str]:
    """Each field of a module's dataclass as ``float = 0.1``."""
    return {
        node.target.id: ast.unparse(node.annotation)
        + (f" = {ast.unparse(_default(node.value))}" if node.value else "")
        for holder in tree.body
        if isinstance(holder, ast.ClassDef)
        for node in holder.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _default(value: ast.expr) -> ast.expr:
    """``[1]`` of ``field(default_factory=lambda: [1])``."""
    match value:
        case ast.Call(keywords=[ast.keyword(value=ast.Lambda(body=body))]):
            return body
        case _:
            return value


def _requirements(project: Mapping[str, Any]) -> dict[str, str]:
    """Versions asked for, by the distribution's canonical name."""
    found: dict[str, str] = {}
    for line in project.get("project", {}).get("dependencies", []):
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            found[line] = ""
            continue
        found[canonicalize_name(requirement.name)] = line[len(requirement.name) :].strip()
    return found


def _settings(project: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    config = project.get("tool", {}).get("flwr", {}).get("app", {}).get("config", {})
    for key, value in config.items():
        held = _held(value)
        if isinstance(held, dict):
            yield from ((f"{key}.{name}", json.dumps(each)) for name, each in held.items())
        else:
            yield key, held if isinstance(held, str) else json.dumps(held)


def _held(value: object) -> object:
    """What a scalar of Flower's configuration stands for: lists and mappings are JSON text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _tree(build: Build, texts: Mapping[str, str], path: str) -> ast.Module:
    try:
        return ast.parse(_text(build, texts, path))
    except (SyntaxError, ValueError):
        raise _unreadable(build, path) from None


def _sourcemap(build: Build, texts: Mapping[str, str], path: str) -> dict[str, list[Row]]:
    try:
        content = json.loads(_text(build, texts, path))
        return {
            name: [(first, last, cell, line) for first, last, cell, line in rows]
            for name, rows in content.items()
        }
    except (AttributeError, TypeError, ValueError):
        raise _unreadable(build, path) from None


def _toml(build: Build, texts: Mapping[str, str], path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(build, texts, path))
    except tomllib.TOMLDecodeError:
        raise _unreadable(build, path) from None


def _text(build: Build, texts: Mapping[str, str], path: str) -> str:
    if path not in texts:
        raise _unreadable(build, path)
    return texts[path]


def _unreadable(build: Build, path: str) -> UsageError:
    hint = "build it again; nbfed compares builds as it wrote them"
    return UsageError(f"{build.folder} is damaged: {path} cannot be read", hint=hint)
