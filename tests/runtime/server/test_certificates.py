"""The server's certificates: with the authority's key beside them, and without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Package


@pytest.fixture
def given(server: Package, tmp_path: Path) -> Path:
    """The folder of a server whose coordinator keeps the authority's key elsewhere."""
    folder = tmp_path / "pki"
    server.certificates.ensure_certificates(folder, ["fed.example.org"])
    (folder / "ca.key").unlink()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("hosts", [[], ["fed.example.org"], ["127.0.0.1"]])
def test_certificates_that_were_given_are_used(
    server: Package, given: Path, hosts: list[str]
) -> None:
    before = contents(given)
    server.certificates.ensure_certificates(given, hosts)
    assert contents(given) == before


def test_without_the_authoritys_key_no_other_name_is_certified(
    server: Package, given: Path
) -> None:
    before = contents(given)
    with pytest.raises(start_error(server), match=r"not good for other\.example\.org .* new kit"):
        server.certificates.ensure_certificates(given, ["other.example.org"])
    assert contents(given) == before


def test_no_second_authority_is_made_in_silence(server: Package, given: Path) -> None:
    (given / "server.pem").unlink()
    with pytest.raises(start_error(server)):
        server.certificates.ensure_certificates(given)
    assert set(contents(given)) == {"ca.pem", "server.key"}


@pytest.mark.parametrize("name", ["ca.key", "server.key"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_use_is_refused(
    server: Package, tmp_path: Path, name: str, mode: int
) -> None:
    server.certificates.ensure_certificates(tmp_path)
    (tmp_path / name).chmod(mode)
    with pytest.raises(start_error(server), match=f"{name} .mode {mode:04o}.*chmod 600"):
        server.certificates.ensure_certificates(tmp_path)
    (tmp_path / name).chmod(0o600)
    server.certificates.ensure_certificates(tmp_path)


def start_error(server: Package) -> Any:
    return server.addresses.StartError
