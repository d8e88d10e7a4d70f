"""A kit as the coordinator sent it: the list of its files, and the signature over that list."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MANIFEST_FILE, SIGNATURE_FILE, KEY_FILE = "manifest.json", "manifest.sig", "coordinator.pub"
FORMAT = 1


class KitError(ValueError):
    """A kit that is not what its coordinator signed. ``file`` is the one that is wrong."""

    def __init__(self, file: str, text: str) -> None:
        super().__init__(text)
        self.file = file


@dataclass(frozen=True)
class Kit:
    """A kit whose signature is good; ``files`` maps POSIX paths to SHA-256, ``signer`` is a
    fingerprint.
    """

    folder: Path
    signer: str
    digest: str
    files: dict[str, str]


def is_kit(folder: Path) -> bool:
    """Say whether ``folder`` is one of a kit."""
    return (folder / MANIFEST_FILE).is_file()


def read_kit(folder: Path) -> Kit:
    """Read the manifest and check the signature over it; raises KitError."""
    manifest = _read(folder, MANIFEST_FILE)
    key = _public_key(_read(folder, KEY_FILE))
    try:
        key.verify(_signature(_read(folder, SIGNATURE_FILE)), manifest)
    except InvalidSignature as error:
        raise KitError(
            SIGNATURE_FILE,
            f"is no signature of {KEY_FILE} over {MANIFEST_FILE}: one of the three was changed",
        ) from error
    signer = fingerprint(key)
    content = _content(manifest)
    if content["signer"] != signer:
        raise KitError(KEY_FILE, f"is not the key that {MANIFEST_FILE} names: {content['signer']}")
    return Kit(folder, signer, content["package"]["digest"], content["files"])


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return what people compare of a coordinator's key."""
    data = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return "SHA256:" + base64.b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise KitError(name, f"cannot be read: {error.strerror}") from error


def _public_key(data: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KitError(KEY_FILE, "is not a public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KitError(KEY_FILE, "is not an Ed25519 key")
    return key


def _signature(data: bytes) -> bytes:
    try:
        signature = base64.b64decode(data.removesuffix(b"\n"), validate=True)
    except binascii.Error as error:
        raise KitError(SIGNATURE_FILE, "is not a line of base64") from error
    # Other spellings of the same bytes are not what was written.
    if base64.b64encode(signature) + b"\n" != data:
        raise KitError(SIGNATURE_FILE, "is not a line of base64 as it was written")
    return signature


def _content(manifest: bytes) -> dict[str, Any]:
    """Return what the signed manifest holds, of the form that this package knows."""
    try:
        content: dict[str, Any] = json.loads(manifest)
        files = {_inside(path): str(digest) for path, digest in content["files"].items()}
        package = {"digest": str(content["package"]["digest"])}
        known = content["format"] == FORMAT
        signer = str(content["signer"])
        # As it was written, so that whoever reads it by other means reads the same: no name
        # comes twice, for example.
        as_written = json.dumps(content, indent=2, sort_keys=True) + "\n"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KitError(MANIFEST_FILE, "is not a manifest of a kit") from error
    if as_written.encode() != manifest:
        raise KitError(MANIFEST_FILE, "is not written as nbfed writes a manifest")
    if not known:
        raise KitError(MANIFEST_FILE, f"is of a format that this package does not know ({FORMAT})")
    return {"signer": signer, "package": package, "files": files}


def _inside(path: str) -> str:
    pure = PurePosixPath(path)
    leads_out = pure.is_absolute() or ".." in pure.parts or "\\" in path
    if leads_out or pure.as_posix() != path or not path.isprintable():
        raise ValueError(f"{path} leads out of the kit")
    return path
