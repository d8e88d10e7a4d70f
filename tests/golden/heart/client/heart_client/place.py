"""Which site this is, and where its things lie on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .exits import SiteError
from .site_file import SiteFile, read_site_file

COMMAND = (__package__ or "").replace("_", "-")


@dataclass(frozen=True)
class Place:
    """A site, its site.yaml, and the folder of its key, its log and its approval."""

    site: str
    file: SiteFile
    config: Path
    state: Path

    @property
    def folder(self) -> Path:
        """The folder of site.yaml, from which relative paths are looked up; a kit's, often."""
        return self.config.resolve().parent

    @property
    def ca(self) -> Path:
        """The federation's CA certificate; raises SiteError where there is none."""
        if self.file.ca is None or not self.file.ca.is_file():
            raise SiteError(
                f"there is no CA certificate {self.file.ca or ''}: get ca.pem from the coordinator "
                f"and name it as `ca` in {self.config}, or with --ca"
            )
        return self.file.ca

    @property
    def address(self) -> str:
        """The server's HOST:PORT; raises SiteError where site.yaml has none."""
        host, _, port = self.file.server.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise SiteError(
                f"{self.file.server!r} is no address of a server: write `server: HOST:PORT` into "
                f"{self.config}, or give --server"
            )
        return self.file.server

    def make_state(self) -> Path:
        """Return the state folder, which exists then; nobody else may look into it.

        Raises SiteError.
        """
        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SiteError(f"{self.state} cannot be made: {error.strerror}") from error
        return self.state


def find_place(
    site: str | None, config: Path, state: Path | None, *, filled_in: bool = True
) -> Place:
    """Read site.yaml, which need not be ``filled_in``, and find out which site this is.

    Raises SiteError.
    """
    file = read_site_file(config, filled_in=filled_in)
    if site and file.site and site != file.site:
        raise SiteError(f"{config} is the file of {file.site!r}, not of {site!r}")
    name = site or file.site
    if not name:
        raise SiteError(f"which site is this? Write `site: NAME` into {config}, or give --site")
    return Place(name, file, config, state or config.resolve().parent / f".{COMMAND}" / name)
