"""Who is calling: an admitted key, a signature of now, and never the same one twice."""

from __future__ import annotations

import binascii
import hashlib
import time
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .gateway_limits import Limits
from .keyring import Keyring, KeyringError

PUBLIC_KEY, TIMESTAMP, SIGNATURE = b"flwr-public-key", b"flwr-timestamp", b"flwr-signature"

# A signature made a little before the gateway started may be one that it saw before it was
# started again. A site's clock that is this much behind shall not keep it out.
_BEFORE_START_SECONDS = 5.0
_STEP_SECONDS = 1.0


class NotLetIn(Exception):
    """The caller is not let in; the text is for the server's own log."""


@dataclass(frozen=True)
class Caller:
    """An admitted site, and the public key with which it called."""

    site: str
    key: bytes


class Callers:
    """Identifies who made a request by its headers.

    Flower signs the time stamp of a request, not its body, so that whoever got hold of the
    headers could make requests of their own for minutes. Each signature is good for one request.
    """

    def __init__(
        self, keyring: Keyring, limits: Limits, clock: Callable[[], float] = time.time
    ) -> None:
        self._keyring = keyring
        self._limits = limits
        self._clock = clock
        self._since = clock() - _BEFORE_START_SECONDS
        self._seen: dict[bytes, _Seen] = {}

    def identify(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Return who made a request with these headers; raises NotLetIn."""
        try:
            key = b64decode(headers[PUBLIC_KEY], validate=True)
            signature = b64decode(headers[SIGNATURE], validate=True)
            stamp = headers[TIMESTAMP]
        except (KeyError, binascii.Error) as error:
            raise NotLetIn("no signature") from error
        site = self._site_of(key)
        self._check_time(site, stamp)
        try:
            r, _ = decode_dss_signature(signature)
            _public_key(key).verify(signature, stamp, ec.ECDSA(hashes.SHA256()))
        except (ValueError, InvalidSignature) as error:
            raise NotLetIn(f"{site}: the signature is wrong") from error
        # Of the two numbers of a signature, anyone can turn the second into another good one.
        mark = hashlib.sha256(b"%d %s" % (r, stamp)).digest()[:16]
        seen = self._seen.setdefault(key, _Seen(self._limits))
        if not seen.is_new(mark, self._clock()):
            raise NotLetIn(f"{site}: the signature was used before")
        return Caller(site, key)

    def is_admitted(self, caller: Caller) -> bool:
        """Say whether ``caller`` is still the site that it was when it was identified."""
        try:
            return self._site_of(caller.key) == caller.site
        except NotLetIn:
            return False

    def _site_of(self, key: bytes) -> str:
        try:
            site = self._keyring.admitted().get(key)
        except KeyringError as error:
            raise NotLetIn(f"nobody is let in: {error}") from error
        if site is None:
            raise NotLetIn("a key that is not admitted, or revoked")
        return site

    def _check_time(self, site: str, stamp: bytes) -> None:
        try:
            signed = datetime.fromisoformat(stamp.decode("ascii"))
        except ValueError as error:
            raise NotLetIn(f"{site}: a time stamp that is no time") from error
        if signed.tzinfo is None:
            raise NotLetIn(f"{site}: a time stamp without a time zone")
        signed_at, now = signed.timestamp(), self._clock()
        late, ahead = self._limits.signature_seconds, self._limits.clock_ahead_seconds
        if not -ahead < now - signed_at < late:
            raise NotLetIn(f"{site}: its clock is {now - signed_at:+.0f} s behind this machine's")
        if signed_at < self._since:
            raise NotLetIn(f"{site}: signed before this gateway started")


class _Seen:
    """The signatures of one key that are young enough to be used again."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._marks: set[bytes] = set()
        self._by_age: deque[tuple[float, list[bytes]]] = deque()

    def is_new(self, mark: bytes, now: float) -> bool:
        """Remember ``mark`` until its time stamp is too old; False if it is known already."""
        while self._by_age and self._by_age[0][0] < now:
            self._marks.difference_update(self._by_age.popleft()[1])
        if mark in self._marks:
            return False
        if len(self._marks) >= self._limits.signatures_per_site:
            raise NotLetIn("more requests in a few minutes than can be remembered")
        if not self._by_age or self._by_age[-1][0] < self._end(now) - _STEP_SECONDS:
            self._by_age.append((self._end(now), []))
        self._by_age[-1][1].append(mark)
        self._marks.add(mark)
        return True

    def _end(self, now: float) -> float:
        """Return when no time stamp that is good now, or within a step, is good any more."""
        limits = self._limits
        return now + limits.signature_seconds + limits.clock_ahead_seconds + _STEP_SECONDS


def _public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("no key that this server admits")
    return key
