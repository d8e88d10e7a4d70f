"""Modules beside the notebook: taken into the packages, and imported from there."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from nbfed.analyse.names import Names
from nbfed.analyse.statements import Statement, edited
from nbfed.program import HelperModule
from nbfed.read.notebook import Notebook

# Below the generated package, where a helper's name cannot meet a generated module's.
FOLDER = "helpers"


def parsed(helpers: Mapping[str, str]) -> dict[str, ast.Module]:
    """Trees of the helpers by dotted name, as the notebook imports them from the package."""
    trees: dict[str, ast.Module] = {}
    for path, text in helpers.items():
        try:
            trees[f"{FOLDER}.{_dotted(path)}"] = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
    return trees


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def with_package_imports(
    statements: Iterable[Statement], notebook: Notebook, helpers: Mapping[str, str]
) -> tuple[Statement, ...]:
    """The statements with imports of helpers made relative to the generated package."""
    if not helpers:
        return tuple(statements)
    known = {_dotted(path) for path in helpers}
    known |= {name.rpartition(".")[0] for name in known if "." in name}
    trees = parsed(helpers)
    return tuple(_rewritten(item, notebook, known, trees) for item in statements)


def _rewritten(
    statement: Statement,
    notebook: Notebook,
    known: set[str],
    trees: Mapping[str, ast.Module],
) -> Statement:
    lines = notebook.cell(statement.cell).source.split("\n")
    edits: dict[int, str] = {}
    for node in statement.nodes:
        for part in ast.walk(node):
            if isinstance(part, (ast.Import, ast.ImportFrom)):
                line = edits.get(part.lineno, lines[part.lineno - 1])
                changed = relative_import(part, line, known, f".{FOLDER}")
                if changed != line:
                    edits[part.lineno] = changed
    if not edits:
        return statement
    return _with_star_names(edited(statement, edits, notebook), trees)


def relative_import(
    node: ast.Import | ast.ImportFrom, line: str, known: set[str], prefix: str
) -> str:
    """``line`` with its import of a known module made relative, by ``prefix`` (``.helpers``)."""
    if isinstance(node, ast.ImportFrom):
        if node.level or node.module not in known:
            return line
        return re.sub(
            rf"\bfrom\s+{re.escape(node.module or '')}\b",
            f"from {prefix}{_sep(prefix)}{node.module}",
            line,
            count=1,
        )
    if not any(alias.name in known for alias in node.names):
        return line
    parts = [_import(alias, known, prefix) for alias in node.names]
    indent = line[: len(line) - len(line.lstrip())]
    comment = line.encode()[node.end_col_offset or 0 :].decode(errors="ignore")
    return f"{indent}{'; '.join(parts)}{comment}"


def _sep(prefix: str) -> str:
    return "" if prefix.endswith(".") else "."


def _import(alias: ast.alias, known: set[str], prefix: str) -> str:
    if alias.name not in known:
        return f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
    parent, _, name = alias.name.rpartition(".")
    package = f"{prefix}{_sep(prefix)}{parent}" if parent else prefix
    if alias.asname:
        return f"from {package} import {name} as {alias.asname}"
    if not parent:
        return f"from {package} import {name}"
    first = alias.name.partition(".")[0]
    return f"from {prefix} import {first}; from {package} import {name} as _{name}"


def _with_star_names(statement: Statement, trees: Mapping[str, ast.Module]) -> Statement:
    """What ``from utils import *`` brings can be read off, for a module beside the notebook."""
    names = statement.names
    if not names.star_import:
        return statement
    found: set[str] = set()
    for node in statement.nodes:
        if isinstance(node, ast.ImportFrom) and node.level and (node.module or "") in trees:
            found |= public_names(trees[node.module or ""])
    if not found:
        return statement
    changed: Names = replace(names, binds=names.binds | found, star_import=False)
    return replace(statement, names=changed)


def public_names(tree: ast.Module) -> set[str]:
    """Names that a star import of the module brings."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign():
                names.update(
                    part.id
                    for target in node.targets
                    for part in ast.walk(target)
                    if isinstance(part, ast.Name)
                )
            case ast.Import() | ast.ImportFrom():
                names.update(a.asname or a.name.partition(".")[0] for a in node.names)
    return {name for name in names if not name.startswith("_")} - {"*"}


def needed_helpers(
    client: Iterable[str], server: Iterable[str], helpers: Mapping[str, str]
) -> tuple[HelperModule, ...]:
    """The helpers that generated texts import, and those that helpers import in turn.

    ``client`` are all generated texts, ``server`` those that the server has as well.
    """
    if not helpers:
        return ()
    by_name = {_dotted(path): path for path in helpers}
    known = set(by_name) | {name.rpartition(".")[0] for name in by_name if "." in name}
    needed, at_server = (_needed(texts, helpers, by_name) for texts in (client, server))
    if not needed | at_server:
        return ()
    modules = [
        HelperModule(
            f"{FOLDER}/{path}", _package_text(path, helpers[path], known), path in at_server
        )
        for path in sorted(needed | at_server)
    ]
    text = '"""Modules beside the notebook."""\n'
    return (HelperModule(f"{FOLDER}/__init__.py", text, bool(at_server)), *modules)


def _needed(
    texts: Iterable[str], helpers: Mapping[str, str], by_name: Mapping[str, str]
) -> set[str]:
    """Paths of the helpers that the texts need, through other helpers too."""
    todo = [name for text in texts for name in _imported(text, by_name, FOLDER)]
    needed: set[str] = set()
    while todo:
        name = todo.pop()
        path = by_name[name]
        if path in needed:
            continue
        needed.add(path)
        todo.extend(_imported_by_helper(path, helpers[path], by_name))
        todo.extend(parent for parent in _parents(name) if parent in by_name)
    return needed


def _parents(name: str) -> Iterable[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _imported(text: str, by_name: Mapping[str, str], folder: str) -> Iterable[str]:
    """Helpers that a generated module imports relatively, below ``folder``."""
    for node in _imports(text):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            module = node.module or ""
            if module == folder:
                yield from (alias.name for alias in node.names if alias.name in by_name)
            elif module.startswith(f"{folder}."):
                name = module.removeprefix(f"{folder}.")
                yield from (n for n in _module_and_members(name, node) if n in by_name)


def _imported_by_helper(path: str, text: str, by_name: Mapping[str, str]) -> Iterable[str]:
    package = posixpath.dirname(path).replace("/", ".")
    for node in _imports(text):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in by_name)
        elif not node.level:
            yield from (n for n in _module_and_members(node.module or "", node) if n in by_name)
        else:
            base = package.split(".") if package else []
            base = base[: len(base) - node.level + 1]
            name = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            yield from (n for n in _module_and_members(name, node) if n in by_name)


def _module_and_members(name: str, node: ast.ImportFrom) -> Iterable[str]:
    yield name
    yield from (f"{name}.{alias.name}".strip(".") for alias in node.names)


def _imports(text: str) -> Iterable[ast.Import | ast.ImportFrom]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node


def _package_text(path: str, text: str, known: set[str]) -> str:
    """A helper's text with its absolute imports of other helpers made relative."""
    prefix = "." * (path.count("/") + 1)
    lines = text.split("\n")
    for node in _imports(text):
        lines[node.lineno - 1] = relative_import(node, lines[node.lineno - 1], known, prefix)
    return "\n".join(lines)
