"""Letting sites in and out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from .conftest import Package

# Made by `ssh-keygen -t ecdsa -b 384`; the fingerprint is what `ssh-keygen -lf` shows.
SSH_KEYGEN_LINE = (
    "ecdsa-sha2-nistp384 "
    "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBHhl38+LShnegdsAolvziolFVoGpgECxdmAZ"
    "060gThF3pvTjyZrBafHUxrvMOXu9Uu9hsxA1/We5iKoP6kzgWKunSJAFVbB7dWjsm/Vj2hGCPfHOpyYC9fLyA40nyo6OwQ=="
    " someone@host"
)
SSH_KEYGEN_FINGERPRINT = "SHA256:q8IqLd+GRl4oTjXxcKReQMB5/OAQfh6hfibXaw1IbZg"


class Requests:
    """Writes what sites write."""

    def __init__(self, server: Package, folder: Path) -> None:
        self.keys = server.site_keys
        self.folder = folder

    def new(self, site: str = "alpha", key: Any = None, **changes: Any) -> Path:
        key = key or ec.generate_private_key(ec.SECP384R1())
        content = {
            "site": site,
            "public_key": self.keys.openssh_line(key.public_key()),
            "fingerprint": self.keys.fingerprint_of(key.public_key()),
            "signature": self.keys.sign_request(site, key),
        }
        path = self.folder / "request.json"
        path.write_text(json.dumps({**content, **changes}))
        return path


@pytest.fixture
def requests(server: Package, tmp_path: Path) -> Requests:
    return Requests(server, tmp_path)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_a_site_is_let_in_and_out(server: Package, requests: Requests, state: Path) -> None:
    site, key = server.admission.admit(requests.new("alpha"), state)

    assert site == "alpha" and key.revoked_at == ""
    assert server.admission.admitted(state) == {"alpha": key}
    assert server.admission.revoke("alpha", state).revoked_at
    assert server.admission.admitted(state) == {}
    assert (state / "keys.json").stat().st_mode & 0o077 == 0
    assert state.stat().st_mode & 0o077 == 0


def test_twice_is_once(server: Package, requests: Requests, state: Path) -> None:
    request = requests.new()
    first = server.admission.admit(request, state)
    before = (state / "keys.json").stat()

    assert server.admission.admit(request, state) == first
    assert (state / "keys.json").stat() == before
    revoked = server.admission.revoke("alpha", state)
    assert server.admission.revoke("alpha", state) == revoked


def test_the_keyring_holds_the_key_as_flower_shows_it(
    server: Package, requests: Requests, state: Path
) -> None:
    from flwr.supercore.primitives.asymmetric import public_key_to_bytes

    key = ec.generate_private_key(ec.SECP384R1())
    server.admission.admit(requests.new("alpha", key), state)
    keyring = server.keyring.Keyring(state / "keys.json")

    assert keyring.admitted() == {public_key_to_bytes(key.public_key()): "alpha"}


def test_the_fingerprint_is_the_one_that_openssh_shows(server: Package, state: Path) -> None:
    key = server.admission.admit_key("alpha", SSH_KEYGEN_LINE, state)

    assert key.fingerprint == SSH_KEYGEN_FINGERPRINT
    assert "someone" not in (state / "keys.json").read_text()


def test_a_new_key_needs_the_old_one_revoked(
    server: Package, requests: Requests, state: Path
) -> None:
    _, old = server.admission.admit(requests.new(), state)
    with pytest.raises(server.admission.AdmissionError, match="admitted with another key, SHA256:"):
        server.admission.admit(requests.new(), state)
    server.admission.revoke("alpha", state)
    _, new = server.admission.admit(requests.new(), state)

    assert new.former == (old.fingerprint,)
    assert server.admission.admitted(state) == {"alpha": new}


@pytest.mark.parametrize("by", ["alpha", "beta"])
def test_a_revoked_key_does_not_come_back(
    server: Package, requests: Requests, state: Path, by: str
) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    server.admission.admit(requests.new("alpha", key), state)
    server.admission.revoke("alpha", state)
    with pytest.raises(server.admission.AdmissionError, match="was revoked"):
        server.admission.admit(requests.new(by, key), state)
    server.admission.admit(requests.new("alpha"), state)
    with pytest.raises(server.admission.AdmissionError, match="was revoked"):
        server.admission.admit(requests.new(by, key), state)


def test_two_sites_do_not_share_a_key(server: Package, requests: Requests, state: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    server.admission.admit(requests.new("alpha", key), state)
    with pytest.raises(server.admission.AdmissionError, match="the key of alpha"):
        server.admission.admit(requests.new("beta", key), state)


def test_who_was_never_admitted_cannot_be_revoked(
    server: Package, requests: Requests, state: Path
) -> None:
    server.admission.admit(requests.new("alpha"), state)
    with pytest.raises(server.admission.AdmissionError, match=r"there are: alpha"):
        server.admission.revoke("alhpa", state)


def edited(**changes: Any) -> Callable[[Requests], Path]:
    return lambda requests: requests.new("alpha", **changes)


def signed_for_another(requests: Requests) -> Path:
    key = ec.generate_private_key(ec.SECP384R1())
    return requests.new("alpha", key, signature=requests.keys.sign_request("beta", key))


def of_another_key(requests: Requests) -> Path:
    other = ec.generate_private_key(ec.SECP384R1())
    return requests.new("alpha", public_key=requests.keys.openssh_line(other.public_key()))


def of_another_kind(requests: Requests) -> Path:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    form = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return requests.new("alpha", public_key=key.public_bytes(*form).decode())


def with_an_evil_name(requests: Requests) -> Path:
    return requests.new("\x1b[2J")


def text(content: str) -> Callable[[Requests], Path]:
    def write(requests: Requests) -> Path:
        path = requests.folder / "request.json"
        path.write_text(content)
        return path

    return write


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(signed_for_another, "is not signed with the key in it", id="another site's"),
        pytest.param(of_another_key, "is not signed with the key in it", id="another key"),
        pytest.param(of_another_kind, "not an elliptic-curve key of the curve P-384", id="ed25519"),
        pytest.param(edited(fingerprint="SHA256:A"), "another fingerprint", id="fingerprint"),
        pytest.param(edited(public_key="ssh-rsa A"), "not one in OpenSSH's format", id="no key"),
        pytest.param(edited(public_key="a" * 9999), "not one in OpenSSH's format", id="long"),
        pytest.param(edited(signature="!"), "is not signed", id="no signature"),
        pytest.param(edited(signature=1), "is not the file", id="a number"),
        pytest.param(edited(private_key="x"), "is not the file", id="more fields"),
        pytest.param(with_an_evil_name, r"'\\x1b\[2J' cannot name a site", id="control codes"),
        pytest.param(text(""), "is not the file", id="empty"),
        pytest.param(text("[1]"), "is not the file", id="a list"),
        pytest.param(text("{}"), "is not the file", id="no fields"),
        pytest.param(text("[" * 70_000), "is not the file", id="deep"),
        pytest.param(lambda requests: requests.folder / "none", "cannot be read", id="no file"),
    ],
)
def test_what_is_not_admitted(
    server: Package,
    requests: Requests,
    state: Path,
    make: Callable[[Requests], Path],
    reason: str,
) -> None:
    with pytest.raises(server.admission.AdmissionError, match=reason) as caught:
        server.admission.admit(make(requests), state)

    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert not (state / "keys.json").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"alpha": {"public_key": 1}}'])
def test_damaged_keys_are_not_written_over(
    server: Package, requests: Requests, state: Path, content: str
) -> None:
    state.mkdir()
    (state / "keys.json").write_text(content)
    with pytest.raises(server.admission.AdmissionError, match="not a file of keys"):
        server.admission.admit(requests.new(), state)

    assert (state / "keys.json").read_text() == content


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o664])
def test_keys_that_others_can_write_are_not_used(
    server: Package, requests: Requests, state: Path, mode: int
) -> None:
    server.admission.admit(requests.new("alpha"), state)
    (state / "keys.json").chmod(mode)
    before = (state / "keys.json").read_bytes()
    for change in (
        lambda: server.admission.admit(requests.new("beta"), state),
        lambda: server.admission.revoke("alpha", state),
        lambda: server.admission.admitted(state),
    ):
        with pytest.raises(server.admission.AdmissionError, match=f"mode {mode:04o}.*chmod 600"):
            change()
    assert (state / "keys.json").read_bytes() == before


def test_sites_that_come_at_once_are_all_admitted(server: Package, state: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from cryptography.hazmat.primitives.asymmetric import ec\n"
        f"from {server.name} import admission, site_keys\n"
        "key = ec.generate_private_key(ec.SECP384R1()).public_key()\n"
        "admission.admit_key(sys.argv[1], site_keys.openssh_line(key), Path(sys.argv[2]))\n"
    )
    sites = [f"site-{number}" for number in range(6)]
    processes = [
        subprocess.Popen([sys.executable, "-c", code, site, str(state)], cwd=server.project)
        for site in sites
    ]

    assert [process.wait(60) for process in processes] == [0] * 6
    assert list(server.admission.admitted(state)) == sites


def test_admission_needs_neither_flower_nor_torch(server: Package) -> None:
    code = f"import sys, {server.name}.admission; print({{'flwr', 'torch'}} & set(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=server.project, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "set()\n"
