"""The coordinator's signing key: made once, kept from others."""

from __future__ import annotations

import base64
import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nbfed.bundle.coordinator import KEY_FILE, ensure_signer
from nbfed.errors import NbfedError


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    first, again = ensure_signer(state), ensure_signer(state)
    assert first.public == again.public
    assert stat.S_IMODE((state / KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert [path.name for path in state.iterdir()] == [KEY_FILE]


def test_the_fingerprint_is_that_of_the_public_key(tmp_path: Path) -> None:
    signer = ensure_signer(tmp_path)
    public = serialization.load_pem_public_key(signer.public)
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = base64.b64encode(hashlib.sha256(der).digest()).decode()
    assert signer.fingerprint + "=" == f"SHA256:{digest}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    ensure_signer(tmp_path)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(NbfedError, match=rf"others can use .*\(mode {mode:04o}\)") as refusal:
        ensure_signer(tmp_path)
    assert "chmod 600" in refusal.value.hint


def test_another_key_is_refused(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for content in (b"", b"no key", other):
        (tmp_path / KEY_FILE).write_bytes(content)
        (tmp_path / KEY_FILE).chmod(0o600)
        with pytest.raises(NbfedError, match="is not the key that nbfed made"):
            ensure_signer(tmp_path)
