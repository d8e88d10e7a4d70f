"""Emit: write a program out as packages."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbfed import __version__
from nbfed.emit.manifest import MANIFEST, Manifest, sha256
from nbfed.emit.names import Names, normalised
from nbfed.emit.packages import Requirements, output_tree
from nbfed.emit.writer import read_manifest, write_build
from nbfed.template_folder import templates_path

if TYPE_CHECKING:
    from nbfed.federation.schema import Federation
    from nbfed.program import Program

__all__ = [
    "MANIFEST",
    "Build",
    "Manifest",
    "Names",
    "Requirements",
    "build_files",
    "normalised",
    "read_manifest",
    "templates_path",
    "write",
]


@dataclass(frozen=True)
class Build:
    """A build on disk."""

    folder: Path
    names: Names
    manifest: Manifest
    changed: bool

    @property
    def server(self) -> Path:
        """The folder of the server package's project."""
        return self.folder / "server"

    @property
    def client(self) -> Path:
        """The folder of the client package's project."""
        return self.folder / "client"


def build_files(
    program: Program,
    federation: Federation,
    requirements: Requirements,
    *,
    notebook: str,
    federation_file: str,
) -> tuple[Manifest, dict[str, bytes]]:
    """Every file of a build, build.json among them, by path below the build's folder.

    ``notebook`` and ``federation_file`` are POSIX paths relative to that folder ("" for none).
    Pure: the same arguments give the same bytes.
    """
    names = Names(normalised(federation.name))
    tree = output_tree(program, federation, names, requirements)
    manifest = Manifest(
        name=names.name,
        nbfed=__version__,
        notebook=notebook,
        federation=federation_file,
        client_digest=tree.client_digest,
        server_digest=tree.server_digest,
        files={path: sha256(data) for path, data in tree.files.items()},
    )
    return manifest, {**tree.files, MANIFEST: manifest.to_json()}


def write(
    program: Program,
    federation: Federation,
    requirements: Requirements,
    *,
    out: Path,
    notebook: Path,
    federation_file: Path | None,
    force: bool = False,
) -> Build:
    """Write the build into ``out/NAME``.

    Raises OutputRefused where that folder is not nbfed's own or was edited.
    """
    folder = out / normalised(federation.name)
    manifest, files = build_files(
        program,
        federation,
        requirements,
        notebook=_relative(notebook, folder),
        federation_file=_relative(federation_file, folder) if federation_file else "",
    )
    changed = write_build(folder, files, force=force)
    return Build(folder, Names(manifest.name), manifest, changed)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
