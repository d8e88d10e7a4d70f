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
            "ask the coordinator for the fingerprint, by telephone, and give it as --signer",
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
    right, folder = 0, kit.folder.resolve()
    for path, digest in sorted(kit.files.items()):
        file = folder / path
        if path != SITE_FILE and file.resolve() != file:
            yield failed(path, "is a link, and can become another file", "get the kit anew")
        elif file.exists() and not file.is_file():
            yield failed(path, "is no file", "get the kit anew")
        elif (found := _digest(file)) == digest:
            right += 1
        elif path == SITE_FILE and file.exists():
            yield fine(path, f"filled in; as shipped it is {SHIPPED_SITE_FILE}")
        else:
            wrong = "is not the file that was signed" if found else "is not there to be read"
            yield failed(path, wrong, "get the kit anew")
    yield fine("files", f"{right} of {len(kit.files)} are those that were signed")


def _digest(file: Path) -> str:
    """Return the SHA-256 of a file, or "" where it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _unlisted(kit: Kit) -> Iterator[Finding]:
    listed = kit.files.keys() | _OWN_FILES
    for path in sorted(kit.folder.iterdir()):
        # What begins with a dot is the site's own: its state, and the environment.
        inside = path.rglob("*") if f"{path.name}/" in _READ_FROM else (path,)
        for each in sorted(inside):
            name = each.relative_to(kit.folder).as_posix()
            if name in listed or (each.is_dir() and not each.is_symlink()):
                continue
            if name.startswith(_READ_FROM):
                yield failed(name, "is not part of the kit that was signed", "take it away")
            elif not name.startswith("."):
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
    for path, signed in kit.files.items():
        wheel = kit.folder / path
        # Another one than was signed has been told of, and is not opened.
        is_ours = path.startswith(f"wheels/{_PACKAGE.name}-") and path.endswith(".whl")
        if is_ours and _digest(wheel) == signed:
            yield from _installed(wheel)


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
