"""A kit by hand, as `verify` and `approve` see it; nothing of nbfed's is used to make it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .conftest import Installed

WHEEL = "wheels/demo_client-1.0.0-py3-none-any.whl"
STATE = Path(".demo-client/zurich")


class MadeKit:
    """A kit in a folder, and the key that signs it."""

    def __init__(self, folder: Path, package: Path, digest: str) -> None:
        self.folder = folder
        self.key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        self.digest = digest
        (folder / "wheels").mkdir(parents=True)
        self.write_wheel(package)
        for name, text in {
            "README.md": "# demo\n",
            "ca.pem": "no certificate\n",
            "site.yaml": "site: zurich\nparams:\n  DATA_FILE:\n",
            "site.example.yaml": "site: zurich\nparams:\n  DATA_FILE:\n",
        }.items():
            (folder / name).write_text(text)
        self.sign()

    @property
    def signer(self) -> str:
        return "SHA256:" + base64.b64encode(hashlib.sha256(self._der()).digest()).decode()[:-1]

    def write_wheel(self, package: Path, **changed: bytes) -> None:
        with zipfile.ZipFile(self.folder / WHEEL, "w") as wheel:
            for path in sorted(package.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    data = changed.get(path.stem, path.read_bytes())
                    wheel.writestr(f"demo_client/{path.relative_to(package).as_posix()}", data)

    def sign(self) -> None:
        pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self.folder / "coordinator.pub").write_bytes(pem)
        files = {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.suffix not in (".json", ".sig")
        }
        manifest = {
            "format": 1,
            "federation": "demo",
            "kit": "zurich",
            "package": {"name": "demo-client", "version": "1.0.0", "digest": self.digest},
            "signer": self.signer,
            "files": files,
        }
        self.sign_as(json.dumps(manifest, indent=2, sort_keys=True) + "\n")

    def sign_as(self, manifest: str) -> None:
        data = manifest.encode()
        (self.folder / "manifest.json").write_bytes(data)
        signature = base64.b64encode(self.key.sign(data)) + b"\n"
        (self.folder / "manifest.sig").write_bytes(signature)

    def _der(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )


@pytest.fixture
def kit(installed: Installed, tmp_path: Path) -> MadeKit:
    digest = installed.client.module("approval").installed_digest()
    return MadeKit(tmp_path / "demo-zurich", installed.package, digest)


def failures(installed: Installed, kit: MadeKit, signer: str = "") -> dict[str, str]:
    """What `verify` finds to be wrong, by what it names."""
    found = installed.client.module("verify").verify(kit.folder, kit.folder / STATE, signer)
    return {each.check: each.result for each in found if each.state == "FAILED"}


def command(installed: Installed, kit: MadeKit, *arguments: str) -> int:
    config = ("--config", str(kit.folder / "site.yaml"))
    code: int = installed.client.module("console").main([*arguments, *config])
    return code


def test_a_kit_as_it_was_signed(installed: Installed, kit: MadeKit, capsys: Any) -> None:
    assert failures(installed, kit, kit.signer) == {}
    assert command(installed, kit, "verify") == 0
    said = capsys.readouterr().out
    assert f"manifest.json is signed by {kit.signer}" in said
    assert "nobody has said yet whose key this should be" in said
    assert "6 of 6 are those that were signed" in said
    assert f"each as in the kit's {Path(WHEEL).name}" in said
    # A stranger's kit is whole too: as long as nobody was asked whose key it is, not all is well.
    assert said.endswith("no check failed; read what is still to do\n")
    assert command(installed, kit, "verify", "--signer", kit.signer) == 0
    assert capsys.readouterr().out.endswith("all is well\n")


def test_every_file_with_a_flipped_byte_is_named(installed: Installed, kit: MadeKit) -> None:
    for path in sorted(kit.folder.rglob("*")):
        if not path.is_file() or path.name == "site.yaml":
            continue
        data = path.read_bytes()
        for position in {0, len(data) // 2, len(data) - 1}:
            for bit in (1, 4):
                flipped = bytearray(data)
                flipped[position] ^= bit
                path.write_bytes(flipped)
                found = failures(installed, kit)
                name = path.relative_to(kit.folder).as_posix()
                # Signature, key and manifest vouch for each other: which one is wrong, none tells.
                told = " ".join([*found, *found.values()])
                assert name in told, (name, position, found)
        path.write_bytes(data)
    assert failures(installed, kit) == {}


def test_files_that_are_missing_or_put_in(installed: Installed, kit: MadeKit) -> None:
    (kit.folder / "ca.pem").unlink()
    (kit.folder / "wheels/torch-9-py3-none-any.whl").write_bytes(b"")
    (kit.folder / "contract.json").write_text("{}")
    (kit.folder / "deploy/more").mkdir(parents=True)
    (kit.folder / "deploy/more/Dockerfile").write_text("FROM elsewhere")
    (kit.folder / "notes.txt").write_text("our own")
    assert sorted(failures(installed, kit)) == [
        "ca.pem",
        "contract.json",
        "deploy/more/Dockerfile",
        "wheels/torch-9-py3-none-any.whl",
    ]


def test_files_that_are_none(installed: Installed, kit: MadeKit, tmp_path: Path) -> None:
    # Right as it is looked at, and another one tomorrow.
    (kit.folder / "wheels").rename(tmp_path / "wheels")
    (kit.folder / "wheels").symlink_to(tmp_path / "wheels")
    (kit.folder / "ca.pem").rename(tmp_path / "ca.pem")
    (kit.folder / "ca.pem").symlink_to(tmp_path / "ca.pem")
    (kit.folder / "README.md").unlink()
    os.mkfifo(kit.folder / "README.md")
    # This one is the site's: where it keeps it is its own affair.
    (kit.folder / "site.yaml").rename(tmp_path / "site.yaml")
    (kit.folder / "site.yaml").symlink_to(tmp_path / "site.yaml")
    link = "is a link, and can become another file"
    assert failures(installed, kit) == {WHEEL: link, "ca.pem": link, "README.md": "is no file"}


def test_a_site_file_is_filled_in(installed: Installed, kit: MadeKit) -> None:
    (kit.folder / "site.yaml").write_text("site: zurich\nparams:\n  DATA_FILE: a.csv\n")
    found = installed.client.module("verify").verify(kit.folder, kit.folder / STATE)
    assert "filled in; as shipped it is site.example.yaml" in [each.result for each in found]
    assert failures(installed, kit) == {}


def test_another_signer_is_refused_once_one_is_known(
    installed: Installed, kit: MadeKit, capsys: Any
) -> None:
    assert command(installed, kit, "approve", "--by", "Dr. Meier", "--signer", "SHA256:x") == 1
    assert "not approved" in capsys.readouterr().err
    assert not (kit.folder / STATE).exists()
    assert command(installed, kit, "approve", "--by", "Dr. Meier") == 0
    first = kit.signer
    kit.key = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    kit.sign()
    assert failures(installed, kit) == {
        "signer": f"{kit.signer} is not the key of what was approved here before, {first}"
    }
    assert command(installed, kit, "approve") == 1
    # The coordinator has a new key, and says so on the telephone.
    assert command(installed, kit, "approve", "--signer", kit.signer) == 0
    log = installed.client.module("audit").read_chain(kit.folder / STATE).entries
    assert [(entry["by"], entry["signer"]) for entry in log[:1]] == [("Dr. Meier", first)]
    assert log[-1]["signer"] == kit.signer
    assert (kit.folder / STATE / "approval.json").stat().st_mode & 0o777 == 0o600


def test_the_installed_package_is_not_the_kits(installed: Installed, kit: MadeKit) -> None:
    kit.write_wheel(installed.package, train=b"print('other')\n")
    kit.digest = "0" * 64
    kit.sign()
    assert failures(installed, kit) == {
        "package": f"the installed one has the digest "
        f"{installed.client.module('approval').installed_digest()[:12]}, the kit is for "
        "000000000000",
        "demo_client/train.py": "is not as in the kit's wheel",
    }


@pytest.mark.parametrize("path", ["../elsewhere", "/etc/hostname", "./ca.pem", "ca.pem\0"])
def test_a_manifest_that_leads_out_of_the_kit(
    installed: Installed, kit: MadeKit, path: str
) -> None:
    manifest = json.loads((kit.folder / "manifest.json").read_bytes())
    manifest["files"][path] = "0"
    kit.sign_as(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    assert failures(installed, kit) == {"manifest.json": "is not a manifest of a kit"}


def test_a_manifest_that_two_readers_understand_differently(
    installed: Installed, kit: MadeKit
) -> None:
    text = (kit.folder / "manifest.json").read_text()
    assert text.count('"files": {\n') == 1
    kit.sign_as(text.replace('"files": {\n', f'"files": {{\n    "ca.pem": "{"0" * 64}",\n'))
    assert failures(installed, kit) == {
        "manifest.json": "is not written as nbfed writes a manifest"
    }


def test_a_manifest_without_end(installed: Installed, kit: MadeKit) -> None:
    kit.sign_as("[" * 100_000)
    assert failures(installed, kit) == {"manifest.json": "is not a manifest of a kit"}


def test_a_key_that_came_with_the_kit_is_told(
    installed: Installed, kit: MadeKit, capsys: Any
) -> None:
    out = str(kit.folder / "request.json")
    assert command(installed, kit, "enroll", "--out", out) == 0
    first = capsys.readouterr().out
    assert command(installed, kit, "enroll", "--out", out) == 0
    assert capsys.readouterr().out == first + (
        "it was there before: if nobody here has enrolled before, delete it, and enroll anew\n"
    )


def test_approval_is_of_one_package(installed: Installed, tmp_path: Path) -> None:
    approval = installed.client.module("approval")
    site_error = installed.client.module("exits").SiteError
    with pytest.raises(site_error, match="nobody has approved this package"):
        approval.require_approval(tmp_path)
    made = approval.approve(tmp_path, by="Dr. Meier")
    assert approval.require_approval(tmp_path) == made
    assert approval.approve_by_running(tmp_path, "run-client") == made
    train = installed.package / "train.py"
    before = train.read_bytes()
    train.write_bytes(before + b"# edited\n")
    try:
        with pytest.raises(site_error, match=r"Dr\. Meier approved .* find out why it changed"):
            approval.require_approval(tmp_path)
        assert approval.approve_by_running(tmp_path, "run-client").by.startswith("run-client, ")
        approval.require_approval(tmp_path)
    finally:
        train.write_bytes(before)
    (tmp_path / "approval.json").write_text("{}")
    with pytest.raises(site_error, match="delete it, and approve anew"):
        approval.require_approval(tmp_path)


def test_an_approval_that_nobody_gave_does_not_count(installed: Installed, tmp_path: Path) -> None:
    approval = installed.client.module("approval")
    approval.approve(tmp_path / "made", by="Dr. Meier")
    (tmp_path / "here").mkdir()
    shutil.copy(tmp_path / "made" / "approval.json", tmp_path / "here")
    refused = pytest.raises(
        installed.client.module("exits").SiteError, match=r"log does not know that Dr\. Meier"
    )
    with refused:
        approval.require_approval(tmp_path / "here")
    # Nor for whoever runs a package of their own: it is approved, and logged, anew.
    assert approval.approve_by_running(tmp_path / "here", "run-client").by.startswith("run-client")
    approval.require_approval(tmp_path / "here")
