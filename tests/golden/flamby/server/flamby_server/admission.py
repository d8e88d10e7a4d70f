"""Let sites in and out: the coordinator's hand on keys.json.

A running server follows the file: its gateway at the next request, its SuperLink within a second.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from .keyring import KEYS_FILE, KeyringError, SiteKey, read_keys, write_keys
from .site_keys import (
    KeyFormatError,
    fingerprint_of,
    is_signed_by,
    is_site_name,
    openssh_line,
    parse_public_key,
)

_LONGEST_REQUEST = 64 * 1024
_FIELDS = {"site", "public_key", "fingerprint", "signature"}


class AdmissionError(Exception):
    """A site cannot be let in or out; the text says why, in one line, and what to do."""


def admit(request: Path, state: Path) -> tuple[str, SiteKey]:
    """Let the site of a ``request.json`` in; return its name and its key.

    The signature in the file shows that whoever wrote it has the private key. Whether that is the
    site is for people to say: compare the fingerprint over another line. Raises AdmissionError.
    """
    content = _request(request)
    site, line = content["site"], content["public_key"]
    try:
        key = parse_public_key(line)
    except KeyFormatError as error:
        raise AdmissionError(f"{request}: {error}") from error
    if not is_signed_by(site, key, content["signature"]):
        raise AdmissionError(
            f"{request} is not signed with the key in it: let the site write it anew, by `enroll`"
        )
    if content["fingerprint"] != fingerprint_of(key):
        raise AdmissionError(f"{request} states another fingerprint than that of the key in it")
    return site, admit_key(site, line, state)


def admit_key(site: str, public_key: str, state: Path) -> SiteKey:
    """Let ``site`` in with a public key of its own; twice is once. Raises AdmissionError."""
    if not is_site_name(site):
        raise AdmissionError(f"{site!r} cannot name a site: use letters, digits, `-`, `_`, `.`")
    try:
        key = parse_public_key(public_key)
    except KeyFormatError as error:
        raise AdmissionError(f"{site}: {error}") from error
    fingerprint = fingerprint_of(key)
    with _changing(state) as keys:
        _check_unused(site, fingerprint, keys)
        old = keys.get(site)
        if old is None or old.revoked_at:
            former = _retired(old) if old else ()
            keys[site] = SiteKey(openssh_line(key), fingerprint, _now(), former=former)
        return keys[site]


def revoke(site: str, state: Path) -> SiteKey:
    """Shut ``site`` out; return the key that is no longer good. Raises AdmissionError."""
    with _changing(state) as keys:
        if site not in keys:
            known = ", ".join(sorted(keys)) or "none"
            raise AdmissionError(f"no site {site!r} was ever admitted; there are: {known}")
        if not keys[site].revoked_at:
            keys[site] = replace(keys[site], revoked_at=_now())
        return keys[site]


def admitted(state: Path) -> dict[str, SiteKey]:
    """Return the sites that are let in now, in order of their names; raises AdmissionError."""
    try:
        keys = read_keys(state / KEYS_FILE)
    except KeyringError as error:
        raise AdmissionError(str(error)) from error
    return {site: key for site, key in sorted(keys.items()) if not key.revoked_at}


def _check_unused(site: str, fingerprint: str, keys: dict[str, SiteKey]) -> None:
    for other, known in keys.items():
        if fingerprint in _retired(known):
            raise AdmissionError(
                f"{site}: this key was revoked and does not come back: let the site move its key "
                "away, and `enroll` anew"
            )
        if other != site and fingerprint == known.fingerprint:
            raise AdmissionError(f"{site}: this is the key of {other}: a site needs its own")
        if other == site and not known.revoked_at and fingerprint != known.fingerprint:
            raise AdmissionError(
                f"{site} is admitted with another key, {known.fingerprint}: if that one is to "
                "go, revoke the site first"
            )


def _retired(key: SiteKey) -> tuple[str, ...]:
    return (*key.former, key.fingerprint) if key.revoked_at else key.former


def _request(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_LONGEST_REQUEST))
    except OSError as error:
        raise AdmissionError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        content = None
    if (
        not isinstance(content, dict)
        or set(content) != _FIELDS
        or not all(isinstance(value, str) for value in content.values())
    ):
        raise AdmissionError(f"{path} is not the file that a site's `enroll` writes")
    return content


@contextmanager
def _changing(state: Path) -> Iterator[dict[str, SiteKey]]:
    """Give the keys to change, alone, and write them if the block ends well."""
    path = state / KEYS_FILE
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = read_keys(path)
            keys = dict(before)
            yield keys
            if keys != before:
                write_keys(path, keys)
    except KeyringError as error:
        raise AdmissionError(str(error)) from error
    except OSError as error:
        raise AdmissionError(f"{path} cannot be written: {error.strerror}") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
