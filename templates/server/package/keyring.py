"""keys.json: which sites are admitted, each with the one public key by which it is known."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .site_keys import KeyFormatError, is_site_name, parse_public_key
from .whole_file import PRIVATE, whole_file

KEYS_FILE = "keys.json"

_OTHERS_WRITE = 0o022


class KeyringError(ValueError):
    """A file of keys that cannot be used; the text says why, in one line."""


@dataclass(frozen=True)
class SiteKey:
    """A site's key: the public key as OpenSSH writes it, and when it was let in and out.

    Times are ISO 8601 in UTC; ``revoked_at`` is empty while the key is good. ``former`` holds the
    fingerprints of keys that the site had before, which never come back.
    """

    public_key: str
    fingerprint: str
    admitted_at: str
    revoked_at: str = ""
    former: tuple[str, ...] = ()


def as_flower_sends_it(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the key in the one spelling in which Flower's nodes show it and is compared."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_keys(path: Path) -> dict[str, SiteKey]:
    """Return the sites of a keys.json; none where there is no file.

    Raises KeyringError, also for a file that others can write: they could let anybody in.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = json.loads(file.read())
        if mode & _OTHERS_WRITE:
            raise KeyringError(
                f"others can write {path} (mode {mode:04o}), and so let sites in: look at "
                "whom it lists, then chmod 600 it"
            )
        return {_site(site): _site_key(key) for site, key in content.items()}
    except FileNotFoundError:
        return {}
    except KeyringError:
        raise
    except OSError as error:
        raise KeyringError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise KeyringError(f"{path} is not a file of keys that this server wrote") from error


def write_keys(path: Path, keys: Mapping[str, SiteKey]) -> None:
    """Write a keys.json; a reader sees the old file or the new, never a part."""
    text = json.dumps({site: asdict(key) for site, key in sorted(keys.items())}, indent=2)
    with whole_file(path, PRIVATE) as file:
        file.write(f"{text}\n".encode())


class Keyring:
    """The admitted keys, read again whenever keys.json has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: tuple[int, ...] | None = ()
        self._sites: Mapping[bytes, str] = {}
        self._problem: KeyringError | None = None

    def admitted(self) -> Mapping[bytes, str]:
        """Return the sites by their keys (see ``as_flower_sends_it``) now; raises KeyringError."""
        state = self._look()
        if state != self._state:
            self._state = state
            self._sites, self._problem = {}, None
            try:
                self._sites = self._read()
            except KeyringError as error:
                self._problem = error
        if self._problem:
            raise self._problem
        return self._sites

    def _look(self) -> tuple[int, ...] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode

    def _read(self) -> dict[bytes, str]:
        keys = {site: key for site, key in read_keys(self._path).items() if not key.revoked_at}
        try:
            return {
                as_flower_sends_it(parse_public_key(key.public_key)): site
                for site, key in keys.items()
            }
        except KeyFormatError as error:
            raise KeyringError(f"{self._path}: {error}") from error


def _site(site: str) -> str:
    if not is_site_name(site):
        raise ValueError(site)
    return site


def _site_key(content: Mapping[str, object]) -> SiteKey:
    values = {field.name: content[field.name] for field in fields(SiteKey)}
    former = values.pop("former")
    if not isinstance(former, list) or not all(isinstance(v, str) for v in values.values()):
        raise ValueError("not as written")
    return SiteKey(**values, former=tuple(map(str, former)))  # type: ignore[arg-type]
