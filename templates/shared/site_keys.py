"""A site's key as both sides see it: how it is written, named, and shown to be the site's own."""

from __future__ import annotations

import base64
import hashlib
import re

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_LONGEST_LINE = 512
_SITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PROOF = "a site asks to be let into a federation"


class KeyFormatError(ValueError):
    """A key that cannot be used; the text says why, in one line."""


def is_site_name(site: str) -> bool:
    """Say whether this can name a site: letters, digits and ``-_.``, at most 64."""
    return bool(_SITE.fullmatch(site))


def parse_public_key(line: str) -> ec.EllipticCurvePublicKey:
    """Return the P-384 key of a line as in OpenSSH's ``.pub`` files; raises KeyFormatError."""
    try:
        if len(line) > _LONGEST_LINE:
            raise ValueError("too long")
        key = serialization.load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFormatError("the public key is not one in OpenSSH's format") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise KeyFormatError("the public key is not an elliptic-curve key of the curve P-384")
    return key


def openssh_line(key: ec.EllipticCurvePublicKey) -> str:
    """Return the key as a line of OpenSSH's ``.pub`` files, without a comment."""
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return line.decode("ascii")


def fingerprint_of(key: ec.EllipticCurvePublicKey) -> str:
    """Return the fingerprint that ``ssh-keygen -l`` shows for this key."""
    digest = hashlib.sha256(base64.b64decode(openssh_line(key).split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def sign_request(site: str, key: ec.EllipticCurvePrivateKey) -> str:
    """Return the proof that whoever asks for ``site`` to be let in holds the private key."""
    text = _request(site, key.public_key())
    return base64.b64encode(key.sign(text, ec.ECDSA(hashes.SHA384()))).decode()


def is_signed_by(site: str, key: ec.EllipticCurvePublicKey, proof: str) -> bool:
    """Say whether ``proof`` is the one of ``sign_request``."""
    try:
        signature = base64.b64decode(proof, validate=True)
        key.verify(signature, _request(site, key), ec.ECDSA(hashes.SHA384()))
    except (ValueError, InvalidSignature):
        return False
    return True


def _request(site: str, key: ec.EllipticCurvePublicKey) -> bytes:
    # Never the form of what Flower signs with the same key, a bare time stamp.
    return f"{_PROOF}\n{site}\n{openssh_line(key)}\n".encode()
