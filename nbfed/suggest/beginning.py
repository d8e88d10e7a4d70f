"""What `nbfed init` makes of an unmarked notebook: tags, a federation.yaml, and what is left."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbfed.compilation import Compiled, compile_sources
from nbfed.diagnostics import Diagnostic
from nbfed.federation.draft import draft
from nbfed.federation.schema import Federation
from nbfed.files import create_file, replace_file
from nbfed.read.cells import Notebook
from nbfed.read.notebook import read_notebook
from nbfed.read.regions import find_regions
from nbfed.roles import Role
from nbfed.sources import FEDERATION_FILE, Sources, read_sources
from nbfed.suggest.code import read_code
from nbfed.suggest.marking import Mark, proposed_marks, tags_of
from nbfed.suggest.settings import literal
from nbfed.suggest.tagging import add_tags


@dataclass(frozen=True)
class Beginning:
    """A notebook with the proposed tags, not yet written.

    ``compiled`` is what comes of it with these tags and, where there is no federation.yaml yet,
    with ``draft``, which is "" where there is one.
    """

    notebook: Notebook
    marks: tuple[Mark, ...]
    compiled: Compiled
    federation_file: Path
    draft: str

    @property
    def sources(self) -> Sources:
        """The sources with the tags in the notebook's bytes."""
        return self.compiled.sources


@dataclass(frozen=True)
class Unreadable:
    """A notebook that no stage can go on with, and why."""

    problems: tuple[Diagnostic, ...]


def begin(path: Path, federation_file: Path | None = None) -> Beginning | Unreadable:
    """Propose tags and a federation.yaml for a notebook; nothing is written.

    Raises UsageError where there is no such notebook, and FederationError or NbfedError where
    the federation.yaml that exists cannot be used for it.
    """
    sources = read_sources(path, federation_file, may_be_new=True)
    notebook, problems = read_notebook(sources.data, path.name)
    if notebook is None:
        return Unreadable(tuple(problems))
    marks = proposed_marks(notebook)
    compiled = compile_sources(replace(sources, data=add_tags(sources.data, tags_of(marks))))
    if sources.federation_file:
        return Beginning(notebook, marks, compiled, sources.federation_file, "")
    file = federation_file or path.parent / FEDERATION_FILE
    text = _draft(compiled, file)
    federation = Federation.from_text(text, str(file)).named(path.stem)
    compiled = replace(compiled, sources=replace(compiled.sources, federation=federation))
    return Beginning(notebook, marks, compiled, file, text)


def write_beginning(beginning: Beginning) -> tuple[bool, bool]:
    """Write the tags and the federation.yaml; whether each of the two was written.

    A federation.yaml that exists is never overwritten. Raises OSError.
    """
    tagged = bool(tags_of(beginning.marks))
    if tagged:
        replace_file(beginning.sources.notebook, beginning.sources.data)
    drafted = bool(beginning.draft) and create_file(beginning.federation_file, beginning.draft)
    return tagged, drafted


def _draft(compiled: Compiled, file: Path) -> str:
    notebook = compiled.sources.notebook
    found = _values(compiled)
    program = compiled.program
    site = found[Role.SITE]
    return draft(
        compiled.sources.federation.name,
        Path(os.path.relpath(notebook.resolve(), file.parent.resolve())).as_posix(),
        params=found[Role.PARAMS],
        site_keys=[key.name for key in program.site] if program else list(site),
        values=site,
    )


def _values(compiled: Compiled) -> Mapping[Role, dict[str, object]]:
    """The literals that the params and site regions assign, by name."""
    found: dict[Role, dict[str, object]] = {Role.PARAMS: {}, Role.SITE: {}}
    if compiled.notebook is None:
        return found
    regions, _ = find_regions(compiled.notebook)
    for each in read_code(compiled.notebook, regions).statements:
        if each.role in found and isinstance(each.node, ast.Assign | ast.AnnAssign):
            value = literal(each)
            if value is not None:
                found[each.role].update(dict.fromkeys(sorted(each.binds), value))
    return found
