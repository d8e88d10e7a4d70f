"""The site's own key: made at the site, kept from others, shown by its public half alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.runtime import demo
from tests.runtime.loading import Client, importable


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("identity")
    demo.write_packages(demo.program(), folder)
    with importable(folder / "client"):
        yield folder


@pytest.fixture(scope="module")
def client(built: Path) -> Client:
    return Client("demo_client", {"site": "a"})


@pytest.fixture
def identity(client: Client) -> ModuleType:
    return client.module("identity")


@pytest.fixture
def key(identity: ModuleType, tmp_path: Path) -> Path:
    identity.ensure_identity(tmp_path / "site")
    return tmp_path / "site" / "site.key"


def test_a_key_is_made_once(identity: ModuleType, tmp_path: Path) -> None:
    made = identity.ensure_identity(tmp_path / "new" / "site")
    again = identity.ensure_identity(tmp_path / "new" / "site")

    assert made.fingerprint == again.fingerprint
    assert isinstance(made.private.curve, ec.SECP384R1)
    assert [p.name for p in (tmp_path / "new" / "site").iterdir()] == ["site.key"]


def test_it_is_a_key_of_openssh_that_nobody_else_can_read(key: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert key.read_bytes().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")


def test_the_umask_does_not_matter(identity: ModuleType, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        identity.ensure_identity(tmp_path / "site")
    finally:
        os.umask(before)

    assert (tmp_path / "site" / "site.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o700 | 0o001])
def test_a_key_that_others_can_use_is_refused(
    identity: ModuleType, client: Client, key: Path, mode: int
) -> None:
    key.chmod(mode)
    with pytest.raises(client.module("exits").SiteError, match=rf"mode {mode:04o}.*chmod 600"):
        identity.ensure_identity(key.parent)


@pytest.mark.parametrize("mode", [0o770, 0o703, 0o777])
def test_a_folder_in_which_others_can_put_a_key_is_refused(
    identity: ModuleType, client: Client, key: Path, mode: int
) -> None:
    key.parent.chmod(mode)
    with pytest.raises(client.module("exits").SiteError, match=rf"mode {mode:04o}.*chmod 700"):
        identity.ensure_identity(key.parent)


def other_kind() -> bytes:
    return private(ed25519.Ed25519PrivateKey.generate())


def other_curve() -> bytes:
    return private(ec.generate_private_key(ec.SECP256R1()))


def other_format() -> bytes:
    made = ec.generate_private_key(ec.SECP384R1())
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def private(key: Any) -> bytes:
    content: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (other_kind, "not an elliptic-curve key of the curve P-384"),
        (other_curve, "not an elliptic-curve key of the curve P-384"),
        (other_format, "not a private key in OpenSSH's format"),
        (bytes, "not a private key in OpenSSH's format"),
        (lambda: b"\xff\x00", "not a private key in OpenSSH's format"),
    ],
)
def test_another_key_is_refused(
    identity: ModuleType, client: Client, key: Path, content: Any, reason: str
) -> None:
    key.write_bytes(content())
    with pytest.raises(client.module("exits").SiteError, match=reason):
        identity.ensure_identity(key.parent)


def test_no_key_is_said(identity: ModuleType, client: Client, tmp_path: Path) -> None:
    with pytest.raises(client.module("exits").SiteError, match=r"there is no key .*`enroll`"):
        identity.load_identity(tmp_path / "site.key")


def test_one_process_at_a_time_is_the_site(identity: ModuleType, client: Client, key: Path) -> None:
    with (
        identity.claimed_identity(key.parent) as made,
        pytest.raises(client.module("exits").SiteError, match="this site runs already"),
        identity.claimed_identity(key.parent),
    ):
        raise AssertionError("claimed twice")
    with identity.claimed_identity(key.parent) as again:
        assert again.fingerprint == made.fingerprint


def test_the_request_holds_no_secret(identity: ModuleType, key: Path, tmp_path: Path) -> None:
    made = identity.load_identity(key)
    request = tmp_path / "request.json"
    identity.write_request("alpha", made, request)
    content = json.loads(request.read_text())

    assert set(content) == {"site", "public_key", "fingerprint", "signature"}
    assert (content["site"], content["fingerprint"]) == ("alpha", made.fingerprint)
    secret = made.private.private_numbers().private_value
    assert str(secret) not in request.read_text() and f"{secret:x}" not in request.read_text()
    shown = serialization.load_ssh_public_key(content["public_key"].encode())
    assert shown == made.public


def test_a_request_of_a_site_without_a_name_is_refused(
    identity: ModuleType, client: Client, key: Path, tmp_path: Path
) -> None:
    with pytest.raises(client.module("exits").SiteError, match="cannot name a site"):
        identity.write_request("a b", identity.load_identity(key), tmp_path / "request.json")
    assert not (tmp_path / "request.json").exists()


def test_the_server_takes_the_request(built: Path, identity: ModuleType, tmp_path: Path) -> None:
    with importable(built / "server"):
        from demo_server import admission  # type: ignore[import-not-found]

        made = identity.ensure_identity(tmp_path / "site")
        identity.write_request("alpha", made, tmp_path / "request.json")
        site, key = admission.admit(tmp_path / "request.json", tmp_path / "state")

    assert (site, key.fingerprint) == ("alpha", made.fingerprint)


def test_two_processes_that_make_a_key_at_once_have_the_same(built: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\nfrom demo_client.identity import ensure_identity\n"
        "print(ensure_identity(Path(sys.argv[1])).fingerprint)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "site")],
            cwd=built / "client",
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    said = {process.communicate(timeout=60)[0] for process in processes}

    assert len(said) == 1 and said.pop().startswith("SHA256:")
