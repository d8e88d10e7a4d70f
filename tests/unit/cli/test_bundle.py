"""``nbfed bundle``: what is in the kits, what stays the same, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner

from nbfed.cli.app import app
from tests.e2e.study import CELLS, FEDERATION, SITES, notebook_text, write_study
from tests.runtime.loading import importable

ADDRESS = "fed.example.org:9443"
KITS = ("server", *SITES)
SIGNED_TOGETHER = {"manifest.json", "manifest.sig", "coordinator.pub"}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def nbfed(*arguments: str, cwd: Path) -> Done:
    """Run a command in this process: there are many of them, and each start takes seconds."""
    before, path = Path.cwd(), list(sys.path)
    os.chdir(cwd)
    try:
        done = CliRunner().invoke(app, arguments)
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in [name for name in sys.modules if name.partition(".")[0] == "study_server"]:
            del sys.modules[name]
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the commands run in, with kits; sites of this machine have keys there."""
    folder = tmp_path_factory.mktemp("bundle")
    write_study(folder / "study")
    for site in SITES:
        own = folder / ".nbfed" / "study" / "sites" / site
        own.mkdir(parents=True, mode=0o700)
        (own / "site.key").write_text(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{site}\n")
    # The builder's surroundings are no part of a kit.
    (folder / ".gitignore").write_text("*.json\ndata.py\n")
    done = nbfed("bundle", "study/study.ipynb", "--address", ADDRESS, cwd=folder)
    assert done.code == 0, done.err
    assert "note: the federation's keys were made in .nbfed/study/" in done.err
    return folder


@pytest.fixture
def workplace(bundled: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to change."""
    return Path(shutil.copytree(bundled, tmp_path / "copy"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "kits").iterdir())}


def members(folder: Path, kit: str) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / "kits" / f"{kit}.zip") as archive:
        prefix = f"study-{kit}/"
        assert all(name.startswith(prefix) for name in archive.namelist())
        return {name.removeprefix(prefix): archive.read(name) for name in archive.namelist()}


def test_what_is_in_a_sites_kit(bundled: Path) -> None:
    kit = members(bundled, "north")
    assert set(kit) == {
        *("README.md", "site.yaml", "site.example.yaml", "ca.pem", "coordinator.pub"),
        *("manifest.json", "manifest.sig", "sbom.cdx.json", "notebook.html"),
        "wheels/study_client-1.0.0-py3-none-any.whl",
        *("deploy/Dockerfile", "deploy/Dockerfile.dockerignore", "deploy/compose.yaml"),
        "deploy/study-north.service",
    }
    assert kit["site.yaml"] == kit["site.example.yaml"]
    assert f"site: north\nserver: {ADDRESS}\nca: ca.pem\n".encode() in kit["site.yaml"]
    # federation.yaml's values for the sites are the coordinator's own.
    assert not any(b"north.csv" in data for data in kit.values())


def test_what_is_in_the_servers_kit(bundled: Path) -> None:
    kit = members(bundled, "server")
    assert {path for path in kit if path.startswith("state/")} == {
        *("state/pki/ca.pem", "state/pki/server.pem", "state/pki/server.key"),
    }
    assert {path for path in kit if path.startswith("wheels/")} == {
        "wheels/study_server-1.0.0-py3-none-any.whl"
    }
    certificate = x509.load_pem_x509_certificate(kit["state/pki/server.pem"])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "fed.example.org" in names.get_values_for_type(x509.DNSName)
    authority = x509.load_pem_x509_certificate(kit["ca.pem"])
    certificate.verify_directly_issued_by(authority)
    assert (bundled / "kits" / "server.zip").stat().st_mode & 0o777 == 0o600


def test_private_keys_stay_with_whom_they_belong_to(bundled: Path) -> None:
    state = bundled / ".nbfed" / "study"
    keys = list(state.rglob("*.key"))
    assert {path.relative_to(state).as_posix() for path in keys} == {
        *("coordinator.key", "pki/ca.key", "pki/server.key"),
        *(f"sites/{site}/site.key" for site in SITES),
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in keys if "sites" not in path.parts)
    for kit in KITS:
        secret = {path for path, data in members(bundled, kit).items() if b"PRIVATE KEY" in data}
        assert secret == ({"state/pki/server.key"} if kit == "server" else set())
        whole = (bundled / "kits" / f"{kit}.zip").read_bytes()
        for key in keys:
            if (kit, key.name) != ("server", "server.key"):
                assert key.read_bytes() not in whole


@pytest.mark.parametrize("kit", KITS)
def test_the_coordinator_signs_every_file(bundled: Path, kit: str) -> None:
    files = members(bundled, kit)
    manifest = json.loads(files["manifest.json"])
    package = f"study-{'server' if kit == 'server' else 'client'}"
    built = json.loads((bundled / "dist" / "study" / "build.json").read_bytes())
    digest = built["server_digest" if kit == "server" else "client_digest"]
    assert manifest["package"] == {"name": package, "version": "1.0.0", "digest": digest}
    assert (manifest["federation"], manifest["kit"]) == ("study", kit)
    listed = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    assert manifest["files"] == {
        path: digest for path, digest in listed.items() if not path.startswith("manifest.")
    }
    key = serialization.load_pem_public_key(files["coordinator.pub"])
    assert isinstance(key, Ed25519PublicKey)
    key.verify(base64.b64decode(files["manifest.sig"]), files["manifest.json"])


def test_the_readmes_commands_check_a_kit_without_nbfed(workplace: Path) -> None:
    kits = workplace / "kits"
    subprocess.run(["unzip", "-q", kits / "north.zip", "-d", kits], check=True)
    folder = kits / "study-north"
    block = (folder / "README.md").read_text().split("```sh\n")[1].split("```")[0]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", block], cwd=folder, capture_output=True, text=True, check=False
        )

    done = run()
    signer = json.loads((folder / "manifest.json").read_bytes())["signer"]
    assert done.stdout == f"{signer}\nSignature Verified Successfully\n"
    assert (done.returncode, done.stderr) == (0, "")
    with (folder / "site.yaml").open("a") as file:
        file.write("# filled in\n")
    (folder / "notebook.html").write_text("another")
    # pip would take the newer of two wheels, and `enroll` a key that is there.
    put_in = ["wheels/torch-99-py3-none-any.whl", ".study-client/north/site.key"]
    (folder / put_in[0]).write_bytes(b"")
    (folder / put_in[1]).parent.mkdir(parents=True)
    (folder / put_in[1]).symlink_to("/etc/hostname")
    done = run()
    changed, added = done.stdout.splitlines()[2:4], done.stdout.splitlines()[4:]
    assert changed == ["notebook.html: FAILED", "site.yaml: FAILED"]
    assert sorted(added) == sorted(f"not signed: ./{path}" for path in put_in)


def test_the_same_build_gives_the_same_bytes(workplace: Path) -> None:
    before = contents(workplace)
    shutil.rmtree(workplace / "kits")
    shutil.rmtree(workplace / "dist")
    done = nbfed("bundle", "study/study.ipynb", "--address", ADDRESS, "--json", cwd=workplace)
    assert done.code == 0, done.err
    assert contents(workplace) == before
    again = nbfed("bundle", "--address", ADDRESS, "--json", cwd=workplace)
    assert again.err == ""
    assert not any(kit["changed"] for kit in json.loads(again.out)["kits"])


def test_a_change_of_code_changes_neither_authority_nor_identities(workplace: Path) -> None:
    state = workplace / ".nbfed"
    before, old = (
        {p: p.read_bytes() for p in state.rglob("*.*") if p.is_file()},
        contents(workplace),
    )
    cells = [cell.replace("LR = 0.1", "LR = 0.2") for cell in CELLS]
    (workplace / "study" / "study.ipynb").write_text(notebook_text(cells))
    stale = nbfed("bundle", "--address", ADDRESS, cwd=workplace)
    assert stale.code == 1
    assert "dist/study is not what study/study.ipynb gives now" in stale.err
    assert contents(workplace) == old
    done = nbfed("bundle", "study/study.ipynb", "--address", ADDRESS, cwd=workplace)
    assert done.code == 0, done.err
    assert {p: p.read_bytes() for p in state.rglob("*.*") if p.is_file()} == before
    new = contents(workplace)
    assert all(new[name] != data for name, data in old.items())


def test_a_site_that_is_added_disturbs_nobody(workplace: Path) -> None:
    before = contents(workplace)
    done = nbfed("bundle", "--address", ADDRESS, "--add-site", "east", cwd=workplace)
    assert done.code == 0, done.err
    assert "study/federation.yaml does not name east yet" in done.err
    after = contents(workplace)
    assert set(after) - set(before) == {"east.zip"}
    assert {name: after[name] for name in before} == before
    # And once all know of it, the others' kits are what they were.
    more = FEDERATION + "  east: {params: {DATA_FILE: east.csv}}\n"
    (workplace / "study" / "federation.yaml").write_text(more)
    done = nbfed("bundle", "study/study.ipynb", "--address", ADDRESS, cwd=workplace)
    assert done.code == 0, done.err
    whole = contents(workplace)
    assert {name for name, data in after.items() if whole[name] != data} == {"server.zip"}


def test_admitted_sites_are_in_the_servers_kit_by_their_public_keys(workplace: Path) -> None:
    keys = workplace / ".nbfed" / "study" / "keys.json"
    keys.write_text("{}")
    keys.chmod(0o600)
    assert nbfed("bundle", "--address", ADDRESS, cwd=workplace).code == 0
    assert members(workplace, "server")["state/keys.json"] == b"{}"


def test_a_contract_of_another_build_is_refused(workplace: Path) -> None:
    file = workplace / ".nbfed" / "study" / "contract.json"
    built = json.loads((workplace / "dist" / "study" / "build.json").read_bytes())
    file.write_text(json.dumps({"package": built["client_digest"]}))
    assert nbfed("bundle", "--address", ADDRESS, cwd=workplace).code == 0
    assert members(workplace, "north")["contract.json"] == file.read_bytes()
    file.write_text(json.dumps({"package": "ab" * 32}))
    done = nbfed("bundle", "--address", ADDRESS, cwd=workplace)
    assert done.code == 1 and "contract.json is not about this build" in done.err


@pytest.mark.parametrize("key", ["coordinator.key", "pki/ca.key", "pki/server.key"])
def test_a_key_that_others_can_use_is_refused(workplace: Path, key: str) -> None:
    (workplace / ".nbfed" / "study" / key).chmod(0o640)
    done = nbfed("bundle", "--address", ADDRESS, cwd=workplace)
    assert done.code == 1
    assert f"others can use the private key .nbfed/study/{key} (mode 0640)" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--address", "0.0.0.0:9092"], 2, "is where a server listens, not where sites reach it"),
        (["--address", "fed.example.org"], 2, "is no HOST:PORT"),
        (["--python", "2.7"], 2, "is no Python"),
        (["--constraint", "none.txt"], 2, "there is no file none.txt"),
        (["--add-site", "Server"], 1, "would have the name of the server's"),
        (["--add-site", "../north"], 1, "'../north' cannot name a site"),
        (["--out", "study"], 3, "study/north.zip is no kit that nbfed made of study"),
    ],
)
def test_what_is_refused(bundled: Path, arguments: list[str], code: int, said: str) -> None:
    (bundled / "study" / "north.zip").write_text("mine")
    done = nbfed("bundle", *arguments, cwd=bundled)
    assert (done.code, said in done.err) == (code, True), done.err
    assert (bundled / "study" / "north.zip").read_text() == "mine"


class Unpacked:
    """A site's kit in a folder, and the client's own verification of it."""

    def __init__(self, folder: Path, verify: ModuleType) -> None:
        self.folder = folder
        self._verify = verify

    def found(self, signer: str = "") -> dict[str, str]:
        """What verification says, by what it names."""
        findings = self._verify.verify(self.folder, self.folder / "state", signer)
        return {each.check: str(each.state) for each in findings}

    def failed(self, signer: str = "") -> set[str]:
        return {check for check, state in self.found(signer).items() if state == "FAILED"}


@pytest.fixture(scope="module")
def unpacked(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unpacked]:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(bundled / "kits" / "north.zip") as archive:
        archive.extractall(folder)
    with importable(bundled / "dist" / "study" / "client"):
        yield Unpacked(folder / "study-north", importlib.import_module("study_client.verify"))


def test_verify_finds_nothing_in_the_kit_as_it_was_made(unpacked: Unpacked) -> None:
    manifest = json.loads((unpacked.folder / "manifest.json").read_bytes())
    assert unpacked.failed(manifest["signer"]) == set()
    assert unpacked.failed("SHA256:another") == {"signer"}


@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_verify_names_every_file_of_which_one_byte_was_changed(
    unpacked: Unpacked, where: float
) -> None:
    whole = unpacked.found()
    paths = {
        path.relative_to(unpacked.folder).as_posix(): path
        for path in unpacked.folder.rglob("*")
        if path.is_file()
    }
    assert len(paths) == 14
    for name, path in paths.items():
        data = bytearray(path.read_bytes())
        place = int((len(data) - 1) * where)
        data[place] ^= 1
        path.write_bytes(data)
        found = unpacked.found()
        data[place] ^= 1
        path.write_bytes(data)
        if name == "site.yaml":
            # The site writes into it: that is told, and nothing is wrong.
            assert (name in whole, found[name]) == (False, "ok")
            continue
        failed = {check for check, state in found.items() if state == "FAILED"}
        if name in SIGNED_TOGETHER:
            # A signature that is not good does not tell which of the three was changed.
            assert failed and failed <= SIGNED_TOGETHER, (name, failed)
        else:
            assert {name} <= failed <= {name, path.name}
    assert unpacked.found() == whole
