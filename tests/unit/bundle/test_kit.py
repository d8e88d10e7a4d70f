"""A kit as a zip: the same bytes each time, private where it must be, and only over our own."""

from __future__ import annotations

import base64
import json
import stat
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nbfed.bundle.archive import write_kit
from nbfed.bundle.kit import PRIVATE, Content, Kit
from nbfed.bundle.manifest import MANIFEST, Package, signed
from nbfed.errors import OutputRefused

PACKAGE = Package("study-client", "1.0.0", "ab" * 32)


def kit(*, secret: bool = False, text: bytes = b"read me") -> Kit:
    members = {
        "b.txt": Content(text),
        "a/key": Content(b"key", PRIVATE) if secret else Content(b"no key"),
        MANIFEST: Content(b"{}"),
    }
    return Kit("study", "north", members)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_zip_is_sorted_dated_alike_and_below_one_folder(tmp_path: Path) -> None:
    assert write_kit(kit(), tmp_path / "kits" / "north.zip")
    with zipfile.ZipFile(tmp_path / "kits" / "north.zip") as archive:
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == [
            "study-north/a/key",
            "study-north/b.txt",
            "study-north/manifest.json",
        ]
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
        assert archive.read("study-north/b.txt") == b"read me"
    assert [path.name for path in (tmp_path / "kits").iterdir()] == ["north.zip"]


def test_a_member_may_be_a_file(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    wheel.write_bytes(b"wheel" * 1000)
    from_file, from_bytes = Content(wheel), Content(wheel.read_bytes())
    assert (from_file.sha256, from_file.size) == (from_bytes.sha256, from_bytes.size)
    for name, content in (("one", from_file), ("two", from_bytes)):
        members = {MANIFEST: Content(b"{}"), "a.whl": content}
        write_kit(Kit("study", "north", members), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_same_kit_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "north.zip"
    write_kit(kit(), path)
    before = path.stat()
    assert not write_kit(kit(), path)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert write_kit(kit(text=b"another"), path)


def test_a_kit_with_a_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "north.zip"
    write_kit(kit(secret=True), path)
    assert mode(path) == 0o600
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("study-north/a/key").external_attr >> 16 == stat.S_IFREG | 0o600
        assert archive.getinfo("study-north/b.txt").external_attr >> 16 == stat.S_IFREG | 0o644
    path.chmod(0o644)
    assert not write_kit(kit(secret=True), path)
    assert mode(path) == 0o600


def test_what_is_no_kit_of_ours_is_left_as_it_is(tmp_path: Path) -> None:
    text, other = tmp_path / "text.zip", tmp_path / "other.zip"
    text.write_text("mine")
    write_kit(Kit("another", "north", {MANIFEST: Content(b"{}")}), other)
    for path in (text, other):
        before = path.read_bytes()
        with pytest.raises(OutputRefused, match="is no kit that nbfed made of study"):
            write_kit(kit(), path)
        assert path.read_bytes() == before
        assert write_kit(kit(), path, force=True)


def test_the_manifest_lists_every_file_and_is_signed() -> None:
    key = Ed25519PrivateKey.generate()
    members = {"b": Content(b"2"), "a": Content(b"1")}
    files = signed("study", "north", PACKAGE, "SHA256:x", members, key.sign)
    assert set(files) == {"a", "b", "manifest.json", "manifest.sig"}
    manifest, signature = files["manifest.json"].source, files["manifest.sig"].source
    assert isinstance(manifest, bytes) and isinstance(signature, bytes)
    assert json.loads(manifest) == {
        "format": 1,
        "federation": "study",
        "kit": "north",
        "package": {"name": "study-client", "version": "1.0.0", "digest": "ab" * 32},
        "signer": "SHA256:x",
        "files": {"a": Content(b"1").sha256, "b": Content(b"2").sha256},
    }
    assert manifest == (json.dumps(json.loads(manifest), indent=2, sort_keys=True) + "\n").encode()
    assert signature.count(b"\n") == 1
    key.public_key().verify(base64.b64decode(signature), manifest)
