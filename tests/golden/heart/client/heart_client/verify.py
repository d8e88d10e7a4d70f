"""``verify``: is this kit what the coordinator signed, and is its package the installed one?"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from .approval import installed_digest, read_approval
from .exits import SiteError
from .findings import Finding, failed, fine, note
from .kit import MANIFEST_FILE, SIGNATURE_FILE, Kit, KitError, is_kit, read_kit

SITE_FILE, SHIPPED_SITE_FILE = "site.yaml", "site.example.yaml"

# Made at the site, so that no manifest can know them.
_OWN_FILES = frozenset({MANIFEST_FILE, SIGNATURE_FILE, "request.json"})
# What is read, installed or run from here has to be listed; other files are only told of.
_READ_FROM = ("wheels/", "deploy/", "contract.json")

_PACKAGE = Path(__file__).resolve().parent


def verify(folder: Path, state: Path, signer: str = "") -> list[Finding]:
    """Check the kit in ``folder``.

    ``signer`` is the fingerprint that the coordinator told; without it, the one of the last
    approval counts. Raises SiteError where there is no kit.
    """
    if not is_kit(folder):
        raise SiteError(f"{folder} is no kit, it has no {MANIFEST_FILE}: name a kit with --kit")
    try:
        kit = read_kit(folder)
    except KitError as error:
        return [failed(error.file, str(error), "get the kit anew, and use nothing of this one")]
    return [
        fine("signature", f"{MANIFEST_FILE} is signed by {kit.signer}"),
        _signer(kit, state, signer),
        *_files(kit),
        *_unlisted(kit),
        *_package(kit),
    ]


def _signer(kit: Kit, state: Path, told: str) -> Finding:
    approval = read_approval(state)
    pinned = told or (approval.signer if approval else "")
    if not pinned:
        return note(
            "signer",
            "nobody has said yet whose key this should be",
            "compare its fingerprint with the coordinator's, by telephone, and give it as --signer",
        )
    if pinned != kit.signer:
        by = "--signer" if told else "what was approved here before"
        return failed(
            "signer",
            f"{kit.signer} is not the key of {by}, {pinned}",
            "ask the coordinator, over another line, before anything is run",
        )
    return fine("signer", "the key that was told" if told else "the key of the last approval")


def _files(kit: Kit) -> Iterator[Finding]:
    right = 0
    for path, digest in sorted(kit.files.items()):
        try:
            data = (kit.folder / path).read_bytes()
        except OSError as error:
            yield failed(path, f"cannot be read: {error.strerror}", "get the kit anew")
            continue
        if hashlib.sha256(data).hexdigest() == digest:
            right += 1
        elif path == SITE_FILE:
            yield fine(path, f"filled in; as shipped it is {SHIPPED_SITE_FILE}")
        else:
            yield failed(path, "is not the file that was signed", "get the kit anew")
    yield fine("files", f"{right} of {len(kit.files)} are those that were signed")


def _unlisted(kit: Kit) -> Iterator[Finding]:
    places = [kit.folder, *(path for path in kit.folder.iterdir() if path.is_dir())]
    for place in places:
        for path in sorted(place.iterdir()):
            name = path.relative_to(kit.folder).as_posix()
            if path.is_dir() or name in kit.files or name in _OWN_FILES:
                continue
            if name.startswith(_READ_FROM):
                yield failed(name, "is not part of the kit that was signed", "take it away")
            elif place == kit.folder and not name.startswith("."):
                yield note(name, "is not part of the kit that was signed")


def _package(kit: Kit) -> Iterator[Finding]:
    digest = installed_digest()
    if digest == kit.digest:
        yield fine("package", f"the installed one has the signed digest {digest[:12]}")
    else:
        yield failed(
            "package",
            f"the installed one has the digest {digest[:12]}, the kit is for {kit.digest[:12]}",
            "install the wheel of this kit, and nothing else by that name",
        )
    for path in kit.files:
        if path.startswith(f"wheels/{_PACKAGE.name}-") and path.endswith(".whl"):
            yield from _installed(kit.folder / path)


def _installed(wheel: Path) -> Iterator[Finding]:
    """Compare the installed files with those in the kit's wheel, one by one."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            shipped = {
                name: archive.read(name)
                for name in archive.namelist()
                if name.startswith(f"{_PACKAGE.name}/")
            }
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        yield failed(wheel.name, f"cannot be opened ({error})", "get the kit anew")
        return
    here = {
        f"{_PACKAGE.name}/{path.relative_to(_PACKAGE).as_posix()}": path
        for path in _PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wrong = 0
    for name in sorted(shipped.keys() | here.keys()):
        if name not in here:
            wrong += 1
            yield failed(name, "is in the kit's wheel and not installed", "install it anew")
        elif name not in shipped:
            wrong += 1
            yield failed(name, "is installed and not in the kit's wheel", "install it anew")
        elif here[name].read_bytes() != shipped[name]:
            wrong += 1
            yield failed(name, "is not as in the kit's wheel", "install it anew")
    if not wrong:
        yield fine("installed", f"{len(here)} files, each as in the kit's {wheel.name}")
