"""This site's key: made here, kept here, and shown to the coordinator by its public half alone."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .exits import SiteError
from .site_keys import fingerprint_of, is_site_name, openssh_line, sign_request
from .whole_file import PUBLIC, whole_file

KEY_FILE = "site.key"
REQUEST_FILE = "request.json"

_OTHERS, _OTHERS_WRITE = 0o077, 0o022


@dataclass(frozen=True)
class Identity:
    """An elliptic-curve key pair (P-384), by which the server knows this site."""

    private: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self.private.public_key()

    @property
    def fingerprint(self) -> str:
        """Return what people compare; ``ssh-keygen -l -f`` shows the same."""
        return fingerprint_of(self.public)

    @property
    def keys(self) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey]:
        """Return the pair as Flower's client takes it."""
        return self.private, self.public


def ensure_identity(folder: Path) -> Identity:
    """Return the key in ``folder``; one is made if there is none. Raises SiteError."""
    path = folder / KEY_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
    except OSError as error:
        raise SiteError(f"{path} cannot be written: {error.strerror}") from error
    return load_identity(path)


@contextmanager
def claimed_identity(folder: Path) -> Iterator[Identity]:
    """Give the key in ``folder`` to this process alone; one is made if there is none.

    Raises SiteError.
    """
    identity = ensure_identity(folder)
    with (folder / KEY_FILE).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SiteError(f"this site runs already, with the key in {folder}") from error
        yield identity


def load_identity(path: Path) -> Identity:
    """Read a private key that nobody but its owner can read; raises SiteError."""
    try:
        with path.open("rb") as file:
            status, folder = os.fstat(file.fileno()), path.parent.stat()
            content = file.read()
    except FileNotFoundError as error:
        raise SiteError(f"there is no key {path}: make one with `enroll`") from error
    except OSError as error:
        raise SiteError(f"{path} cannot be read: {error.strerror}") from error
    if stat.S_IMODE(folder.st_mode) & _OTHERS_WRITE:
        raise SiteError(
            f"others can write into {path.parent} (mode {stat.S_IMODE(folder.st_mode):04o}) and so "
            "put another key or approval there: look at what is in it, then chmod 700 it"
        )
    if status.st_uid != os.geteuid():
        raise SiteError(f"{path} belongs to another user: make this site's own key with `enroll`")
    if mode := stat.S_IMODE(status.st_mode) & _OTHERS:
        raise SiteError(
            f"others can use the private key {path} (mode {stat.S_IMODE(status.st_mode):04o}, "
            f"{mode:04o} too much): chmod 600 it if it never left your hands; else delete it and "
            "`enroll` anew"
        )
    try:
        private = serialization.load_ssh_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SiteError(
            f"{path} is not a private key in OpenSSH's format, without a passphrase: put the right "
            "one back, or delete it and `enroll` anew"
        ) from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(
        private.curve, ec.SECP384R1
    ):
        raise SiteError(f"{path} is not an elliptic-curve key of the curve P-384")
    return Identity(private)


def write_request(site: str, identity: Identity, path: Path) -> None:
    """Write what the coordinator needs to let this site in; no secret is in it.

    Raises SiteError.
    """
    if not is_site_name(site):
        raise SiteError(f"{site!r} cannot name a site: use letters, digits, `-`, `_`, `.`")
    content = {
        "site": site,
        "public_key": openssh_line(identity.public),
        "fingerprint": identity.fingerprint,
        "signature": sign_request(site, identity.private),
    }
    try:
        with whole_file(path, PUBLIC) as file:
            file.write(f"{json.dumps(content, indent=2)}\n".encode())
    except OSError as error:
        raise SiteError(f"{path} cannot be written: {error.strerror}") from error


def _make(path: Path) -> None:
    """Write a new key: complete, and readable by its owner alone, from its first moment."""
    private = ec.generate_private_key(ec.SECP384R1())
    content = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        # Fails where another process was faster: its key is then the site's.
        try:
            os.link(part, path)
        except FileExistsError:
            return
    finally:
        part.unlink(missing_ok=True)
