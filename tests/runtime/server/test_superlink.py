"""The contract with Flower's internals: superlink.py against the real SuperLink."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from flwr.proto.control_pb2 import ListRunsRequest

from .conftest import Package


@pytest.fixture
def process(server: Package, tmp_path: Path, flower_home: None) -> Iterator[Any]:
    with server.superlink_process.superlink_process("127.0.0.1:0", tmp_path / "state") as made:
        yield made


@pytest.fixture
def link(server: Package, process: Any) -> Iterator[Any]:
    made = server.superlink.SuperLink(
        process.address, process.certificates.ca, process.secret, process.alive
    )
    with closing(made):
        made.wait_until_ready(180)
        yield made


def statuses(link: Any) -> dict[int, tuple[str, str]]:
    runs = link._control.ListRuns(ListRunsRequest()).run_dict
    return {key: (run.status.status, run.status.sub_status) for key, run in runs.items()}


@pytest.fixture
def front(server: Package) -> Any:
    """No site is let in."""
    return server.front.Front(lambda _: None, server.part_store.PartStore())


def test_a_run_that_fails_is_reported_as_failed(link: Any, front: Any) -> None:
    with pytest.raises(ZeroDivisionError), link.run("demo", front):
        raise ZeroDivisionError
    assert list(statuses(link).values()) == [("finished", "failed")]


def test_nothing_of_a_run_is_written_to_the_disk(process: Any, link: Any, front: Any) -> None:
    with link.run("demo", front):
        # Flower keeps an id of this installation in its own folder.
        folders = (process.log.parent, process.log.parent / "pki")
        kept = {p.name for folder in folders for p in folder.iterdir() if p.is_file()}
    assert kept == {
        "lock",
        "superexec.secret",
        "superlink.log",
        "ca.pem",
        "ca.key",
        "server.pem",
        "server.key",
    }


def test_nobody_gets_the_task_without_the_secret(
    server: Package, process: Any, link: Any, front: Any
) -> None:
    stranger = server.superlink.SuperLink(
        process.address, process.certificates.ca, b"guessed", process.alive
    )
    with (
        closing(stranger),
        pytest.raises(ConnectionError, match="401"),
        stranger.run("demo", front),
    ):
        raise AssertionError("the task was handed out")


def test_a_superlink_that_is_gone_is_an_error_and_no_endless_retry(
    process: Any, link: Any, front: Any
) -> None:
    with link.run("demo", front) as run:
        process.child.kill()
        process.child.wait()
        with pytest.raises(ConnectionError, match="does not answer any more"):
            run.grid.get_node_ids()


def test_the_state_holds_no_secret_that_others_can_read(process: Any) -> None:
    state = process.log.parent
    for name in ("superexec.secret", "pki/ca.key", "pki/server.key"):
        assert (state / name).stat().st_mode & 0o077 == 0, name
    assert state.stat().st_mode & 0o077 == 0


def test_certificates_are_made_once(server: Package, tmp_path: Path) -> None:
    make = server.certificates.ensure_certificates
    first = {p.name: p.read_bytes() for p in _files(make(tmp_path / "pki"))}
    assert {p.name: p.read_bytes() for p in _files(make(tmp_path / "pki"))} == first


def test_a_certificate_that_expires_is_renewed_under_the_same_authority(
    server: Package, tmp_path: Path, monkeypatch
) -> None:
    module = server.certificates
    monkeypatch.setattr(module, "_SERVER_DAYS", 10)
    paths = module.ensure_certificates(tmp_path / "pki")
    ca, old = paths.ca.read_bytes(), paths.server.read_bytes()
    monkeypatch.undo()
    module.ensure_certificates(tmp_path / "pki")
    assert paths.ca.read_bytes() == ca and paths.server.read_bytes() != old


def test_nodes_are_registered_and_unregistered(server: Package, process: Any, link: Any) -> None:
    key = server.keyring.as_flower_sends_it(ec.generate_private_key(ec.SECP384R1()).public_key())
    with server.superlink_nodes.SuperLinkNodes(process.address, process.certificates.ca) as nodes:
        assert nodes.all() == {}
        node = nodes.register(key)
        assert nodes.all() == {key: node}
        nodes.unregister(node)
        assert nodes.all() == {}


def test_a_certificate_is_good_for_the_names_that_sites_use(
    server: Package, tmp_path: Path
) -> None:
    def names(hosts: list[str]) -> set[str]:
        paths = server.certificates.ensure_certificates(tmp_path / "pki", hosts)
        certificate = x509.load_pem_x509_certificate(paths.server.read_bytes())
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return {str(name.value) for name in found}

    own = {"localhost", "127.0.0.1", "::1"}
    assert names([]) == own
    ca = (tmp_path / "pki" / "ca.pem").read_bytes()
    assert names(["fed.example.org", "192.0.2.7"]) == own | {"fed.example.org", "192.0.2.7"}
    # What it is good for already stays: a start without the names does not take them away.
    assert names([]) == own | {"fed.example.org", "192.0.2.7"}
    assert (tmp_path / "pki" / "ca.pem").read_bytes() == ca


def _files(certificates: Any) -> list[Path]:
    return [certificates.ca, certificates.server, certificates.key]
