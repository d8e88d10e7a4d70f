"""Wheels: that of a generated package, and what any wheel says of itself."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nbfed.bundle.kit import Content
from nbfed.errors import NbfedError


@dataclass(frozen=True)
class Wheel:
    """A wheel on disk: the distribution's name and version, what it needs, and its licence."""

    file: str
    content: Content
    name: str
    version: str
    requires: tuple[Requirement, ...] = ()
    licence: str = ""

    @property
    def key(self) -> str:
        """The name as package indexes compare it."""
        return canonicalize_name(self.name)


def build_wheel(project: Mapping[str, bytes], folder: Path) -> Wheel:
    """Build the wheel of a generated project, its files by path, in an empty ``folder``.

    By hatchling, the backend that the project names, in this process: nothing is downloaded. The
    wheel's bytes depend on the project, on hatchling's version, and on SOURCE_DATE_EPOCH if set.
    """
    from hatchling.builders.wheel import WheelBuilder

    source = folder / "project"
    for path, data in project.items():
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (built,) = WheelBuilder(str(source)).build(directory=str(folder), versions=["standard"])
    return read_wheel(Path(built))


def read_wheel(path: Path) -> Wheel:
    """What a wheel says of itself; raises NbfedError for a file that is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            # Some wheels hold others' metadata deeper inside.
            (name,) = (
                name
                for name in archive.namelist()
                if name.endswith(".dist-info/METADATA") and name.count("/") == 1
            )
            metadata = Metadata.from_email(archive.read(name), validate=False)
    except (zipfile.BadZipFile, ValueError) as error:
        raise NbfedError(f"{path.name} is not a wheel", hint="download it again") from error
    return Wheel(
        file=path.name,
        content=Content(path),
        name=metadata.name,
        version=str(metadata.version),
        requires=tuple(metadata.requires_dist or ()),
        licence=metadata.license_expression or "",
    )
