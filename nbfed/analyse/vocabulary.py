"""What the names of a notebook stand for: its imports, functions and classes."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from nbfed.analyse.kinds import Kind, kind_of_call
from nbfed.analyse.scopes import import_binding
from nbfed.analyse.statements import Statement

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef
_MODULE_BASES = ("Module", "LightningModule", "Sequential", "ModuleList", "PreTrainedModel")
_DATASET_ENDINGS = ("Dataset", "DataModule", "ImageFolder", "DatasetFolder", "Sampler")


@dataclass(frozen=True)
class Vocabulary:
    """Names of the notebook, last definition of each.

    ``aliases`` maps a name to the dotted name that it was imported from, ``functions`` and
    ``classes`` to the definition.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, FunctionDef] = field(default_factory=dict)
    classes: Mapping[str, ast.ClassDef] = field(default_factory=dict)

    @cached_property
    def methods(self) -> Mapping[str, FunctionDef]:
        """Methods of the notebook's classes, those that one class alone has."""
        found: dict[str, list[FunctionDef]] = {}
        for node in self.classes.values():
            for part in node.body:
                if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    found.setdefault(part.name, []).append(part)
        return {name: parts[0] for name, parts in found.items() if len(parts) == 1}

    def dotted(self, node: ast.AST) -> str | None:
        """``torch.nn.Linear`` for ``nn.Linear``, None for what is not a dotted name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        parts.append(self.aliases.get(node.id, node.id))
        return ".".join(reversed(parts))

    def is_imported(self, name: str) -> bool:
        """Whether ``name`` is bound by an import."""
        return name in self.aliases

    def module_class(self, name: str) -> bool:
        """Whether the notebook's class ``name`` is a torch module."""
        return any(
            base.rpartition(".")[2] in _MODULE_BASES or kind_of_call(base) is Kind.MODULE
            for base in self.foreign_bases(name)
        )

    def dataset_class(self, name: str) -> bool:
        """Whether the notebook's class ``name`` is a dataset."""
        return any(
            base.rpartition(".")[2].endswith(_DATASET_ENDINGS) for base in self.foreign_bases(name)
        )

    def foreign_bases(self, name: str) -> set[str]:
        """Dotted names of the bases that the class has from elsewhere, through its own bases."""
        found: set[str] = set()
        seen: set[str] = set()
        todo = [name]
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            seen.add(current)
            if current in self.classes:
                todo.extend(self.dotted(base) or "" for base in self.classes[current].bases)
            else:
                found.add(current)
        return found

    def loss_class(self, name: str) -> bool:
        """Whether the notebook's class ``name`` is named like a loss or metric."""
        return kind_of_call(name) is Kind.LOSS or name.endswith(("Metric", "Meter"))


def vocabulary_of(
    statements: Sequence[Statement], helpers: Mapping[str, ast.Module] | None = None
) -> Vocabulary:
    """Collect imports, functions and classes, nested blocks included.

    ``helpers`` maps the dotted names of modules beside the notebook to their trees.
    """
    aliases: dict[str, str] = {}
    functions: dict[str, FunctionDef] = {}
    classes: dict[str, ast.ClassDef] = {}
    for dotted, tree in (helpers or {}).items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                classes[f"{dotted}.{node.name}"] = node
    for statement in statements:
        for node in statement.nodes:
            _collect(node, aliases, functions, classes)
    return Vocabulary(aliases, functions, classes)


def _collect(
    node: ast.stmt,
    aliases: dict[str, str],
    functions: dict[str, FunctionDef],
    classes: dict[str, ast.ClassDef],
) -> None:
    match node:
        case ast.Import():
            for alias in node.names:
                target = alias.name if alias.asname else alias.name.partition(".")[0]
                aliases[import_binding(alias)] = target
        case ast.ImportFrom():
            for alias in node.names:
                aliases[import_binding(alias)] = f"{node.module or ''}.{alias.name}"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            functions[node.name] = node
        case ast.ClassDef():
            classes[node.name] = node
        case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.stmt):
                    _collect(child, aliases, functions, classes)
                elif isinstance(child, ast.ExceptHandler):
                    for inner in child.body:
                        _collect(inner, aliases, functions, classes)
