"""What the coordinator keeps in the federation's state folder, and kits are made with.

    STATE/coordinator.key      signs manifests (Ed25519); never leaves this folder
    STATE/pki/ca.key           signs the server's certificate; never leaves this folder
    STATE/pki/ca.pem           goes into every kit
    STATE/pki/server.{pem,key} go into the server's kit
    STATE/keys.json            the admitted sites' public keys; goes into the server's kit

They are made once, and no build changes them. ``run-server`` serves with the same files.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nbfed.bundle.kit import PRIVATE
from nbfed.errors import NbfedError

if TYPE_CHECKING:
    from nbfed.emit import Build

KEY_FILE = "coordinator.key"

_OTHERS = 0o077


@dataclass(frozen=True)
class Authority:
    """The federation's certificates, as PEM: the authority's, and the server's with its key."""

    ca: bytes
    server: bytes
    server_key: bytes


@dataclass(frozen=True)
class Signer:
    """The coordinator's key, by which sites know that a kit is the coordinator's."""

    key: Ed25519PrivateKey

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature (RFC 8032) of ``data``, 64 bytes."""
        return self.key.sign(data)

    @property
    def public(self) -> bytes:
        """The public half as PEM (SubjectPublicKeyInfo)."""
        return self._public(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """What people compare: SHA-256 over the DER of the public half, in base64."""
        digest = hashlib.sha256(self._public(serialization.Encoding.DER)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def _public(self, encoding: serialization.Encoding) -> bytes:
        return self.key.public_key().public_bytes(
            encoding, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def ensure_signer(state: Path) -> Signer:
    """The key in the state folder; one is made if there is none.

    Raises NbfedError for a key that others can use, or that is none.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Other commands put what is no secret there, and may have made it.
    state.chmod(0o700)
    path = state / KEY_FILE
    if not path.exists():
        _make(path)
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        raise NbfedError(
            f"others can use the private key {path} (mode {mode:04o})",
            hint=f"chmod 600 {path} if it never left your hands; else delete it, and tell every "
            "site the new fingerprint",
        )
    if status.st_uid != os.geteuid():
        raise NbfedError(f"{path} belongs to another user", hint="make kits as that user")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise NbfedError(f"{path} is not the key that nbfed made", hint="put the right one back")
    return Signer(key)


def ensure_authority(build: Build, state: Path, hosts: Collection[str]) -> Authority:
    """The federation's certificates, made or renewed where need be; ``hosts`` name the server.

    Raises NbfedError for a private key that others can use.
    """
    from nbfed.admission import told
    from nbfed.builds import make_importable

    make_importable(build.server)
    package = build.names.server_package
    module = importlib.import_module(f"{package}.certificates")
    error = importlib.import_module(f"{package}.addresses").StartError
    paths = told(error, module.ensure_certificates)(state / "pki", hosts)
    return Authority(paths.ca.read_bytes(), paths.server.read_bytes(), paths.key.read_bytes())


def _make(path: Path) -> None:
    """Write a new key: complete, and readable by its owner alone, from its first moment."""
    content = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    part.rename(path)
