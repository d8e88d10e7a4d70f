"""The server's certificates: an authority of this federation's own, and what it signed.

Sites get ``ca.pem`` and trust nothing else. Nobody else signs, so the files are made once, kept,
and only the server's own certificate is renewed. A server on a machine of its own has no
``ca.key``: the coordinator keeps it, and makes the certificate that follows.
"""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .addresses import StartError
from .settings import NAME
from .whole_file import PRIVATE, PUBLIC, whole_file

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 825
_RENEW_DAYS = 30
_HOSTS = ("localhost", "127.0.0.1", "::1")
_OTHERS = 0o077


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files: the authority's certificate, the server's certificate and key."""

    ca: Path
    server: Path
    key: Path


def ensure_certificates(folder: Path, hosts: Collection[str] = ()) -> Certificates:
    """Make in ``folder`` what is not there yet, or soon expires; return the paths.

    The server's certificate is good for this machine itself, and for the names and addresses
    in ``hosts``. Raises StartError for a private key that others can use, and where a certificate
    is needed and the authority's key is not here.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority_key = folder / "ca.key"
    for key in (authority_key, paths.key):
        _check_private(key)
    if not paths.ca.exists():
        _make_authority(paths.ca, authority_key)
        paths.server.unlink(missing_ok=True)
    wanted = [_host(host) for host in dict.fromkeys((*_HOSTS, *hosts))]
    if not (paths.server.exists() and paths.key.exists()) or not _is_good(paths.server, wanted):
        if not authority_key.exists():
            raise StartError(
                f"{paths.server} is not good for {', '.join(hosts) or 'this machine'} or ends "
                f"soon, and {authority_key}, which could sign another, is not here: let the "
                "coordinator make a new kit for the server, with each --name that you start with"
            )
        _make_server(paths, authority_key, wanted)
    return paths


def _make_authority(path: Path, key_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    name = _name(f"{NAME} federation")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(name, name, key, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA384())
    )
    _write_key(key_path, key)
    with whole_file(path, PUBLIC) as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))


def _make_server(paths: Certificates, authority_key: Path, hosts: list[x509.GeneralName]) -> None:
    authority = x509.load_pem_x509_certificate(paths.ca.read_bytes())
    signer = serialization.load_pem_private_key(authority_key.read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{authority_key} is not a key that this server made")
    key = ec.generate_private_key(ec.SECP384R1())
    certificate = (
        _builder(_name(f"{NAME} server"), authority.subject, key, _SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, hashes.SHA384())
    )
    # An old certificate does not belong to the new key.
    paths.server.unlink(missing_ok=True)
    _write_key(paths.key, key)
    with whole_file(paths.server, PUBLIC) as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A site whose clock is a little behind shall not turn a new certificate down.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _is_good(path: Path, hosts: list[x509.GeneralName]) -> bool:
    """Say whether a certificate of the server holds for a while yet, and for all ``hosts``."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    ends = certificate.not_valid_after_utc
    return ends > datetime.now(UTC) + timedelta(days=_RENEW_DAYS) and set(hosts) <= set(names)


def _check_private(path: Path) -> None:
    """Refuse a private key that somebody else on this machine can use; raises StartError."""
    if not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        raise StartError(
            f"others can use the private key {path} (mode {mode:04o}): chmod 600 it if it never "
            "left your hands; else make a new federation"
        )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a private key that nobody but its owner can read, at no moment."""
    with whole_file(path, PRIVATE) as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
