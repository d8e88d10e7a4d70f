"""What a build starts from: a notebook, the modules beside it, and its federation.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbfed.errors import NbfedError, UsageError
from nbfed.federation.schema import Federation

FEDERATION_FILE = "federation.yaml"
_DEEPEST_HELPER = 3
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Sources:
    """The bytes and settings of one notebook's federation; ``helpers`` by POSIX path."""

    notebook: Path
    data: bytes
    helpers: Mapping[str, str]
    federation: Federation
    federation_file: Path | None

    @property
    def federation_name(self) -> str:
        """How messages call the federation's file."""
        return str(self.federation_file or FEDERATION_FILE)


def read_sources(
    notebook: Path, federation_file: Path | None = None, *, may_be_new: bool = False
) -> Sources:
    """Read a notebook and the federation.yaml beside it, or the one that is given.

    With ``may_be_new``, the one that is given need not exist yet. Raises UsageError where there
    is no such notebook, FederationError for a bad federation.yaml, NbfedError for one that
    belongs to another notebook.
    """
    if notebook.is_dir():
        raise UsageError(f"{notebook} is a folder", hint=_notebooks_in(notebook))
    try:
        data = notebook.read_bytes()
    except FileNotFoundError:
        hint = _notebooks_in(notebook.parent)
        raise UsageError(f"there is no notebook {notebook}", hint=hint) from None
    found = federation_file or _federation_beside(notebook)
    if may_be_new and found and not found.exists():
        found = None
    federation = read_federation(found) if found else Federation()
    if found and federation.notebook and not _same(found.parent / federation.notebook, notebook):
        raise NbfedError(
            f"{found} is for {federation.notebook}, not for {notebook.name}",
            hint="name the right file with --federation, or change its `notebook:`",
        )
    helpers = dict(_helpers(notebook.parent, data.decode("utf-8", "replace")))
    return Sources(notebook, data, helpers, federation.named(notebook.stem), found)


def _federation_beside(notebook: Path) -> Path | None:
    file = notebook.parent / FEDERATION_FILE
    return file if file.is_file() else None


def read_federation(file: Path) -> Federation:
    """Read a federation.yaml; raises UsageError where there is none, FederationError if bad."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"there is no file {file}", hint="check --federation") from None
    except UnicodeDecodeError:
        raise NbfedError(f"{file} is not UTF-8 text", hint="save it as UTF-8") from None
    return Federation.from_text(text, str(file))


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _notebooks_in(folder: Path) -> str:
    names = sorted(str(path) for path in folder.glob("*.ipynb")) if folder.is_dir() else []
    return f"notebooks there: {', '.join(names)}" if names else ""


def _helpers(folder: Path, notebook: str) -> Iterator[tuple[str, str]]:
    """The modules beside the notebook that it may import, and those that they may import."""
    waiting = {path.stem: path for path in sorted(folder.iterdir()) if _is_importable(path)}
    texts = [notebook]
    while texts:
        words = set(_WORD.findall(texts.pop()))
        for name in sorted(words & waiting.keys()):
            for path in _modules(waiting.pop(name)):
                text = path.read_text(encoding="utf-8", errors="replace")
                texts.append(text)
                yield path.relative_to(folder).as_posix(), text


def _is_importable(path: Path) -> bool:
    return path.stem.isidentifier() and (path.suffix == ".py" or path.is_dir())


def _modules(path: Path, depth: int = 0) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir() and depth < _DEEPEST_HELPER and not path.is_symlink():
        for inner in sorted(path.iterdir()):
            if inner.suffix == ".py" or (inner.is_dir() and inner.name.isidentifier()):
                yield from _modules(inner, depth + 1)
