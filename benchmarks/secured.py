"""A certificate and keys for Flower's own processes on this machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PEM, _OPENSSH = serialization.Encoding.PEM, serialization.Encoding.OpenSSH
_PLAIN = serialization.NoEncryption()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that vouches for itself, and its key; return the paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(certificate.public_bytes(_PEM))
    paths[1].write_bytes(
        key.private_bytes(_PEM, serialization.PrivateFormat.TraditionalOpenSSL, _PLAIN)
    )
    return paths


def site_key(folder: Path, site: str) -> tuple[Path, Path]:
    """Write a site's private and public key as Flower wants them; return the paths."""
    key = ec.generate_private_key(ec.SECP384R1())
    paths = folder / f"{site}.key", folder / f"{site}.pub"
    paths[0].write_bytes(key.private_bytes(_PEM, serialization.PrivateFormat.OpenSSH, _PLAIN))
    paths[1].write_bytes(
        key.public_key().public_bytes(_OPENSSH, serialization.PublicFormat.OpenSSH)
    )
    return paths
