"""The parts of messages that are on their way between this process and its sites.

A SuperLink keeps the parts of all messages itself, and is an ordinary web server, through which
each model would go twice. Here it is left the messages, and who may send them; the parts, which
are the models, go from a site through the gateway into this process, and from here to the sites.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

# What a site has sent and nobody took gives way to what it sends now, beyond these bytes: the
# least, or so many times the largest message that went out.
_LEAST_BYTES = 256 * 1024 * 1024
_TIMES_A_MESSAGE = 4

Part = Callable[[], bytes]


class PartStore:
    """Parts by their ids, the SHA-256 of their bytes; used by several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._offered: dict[str, tuple[float, Mapping[str, Part]]] = {}
        self._arrived: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self._heard: dict[str, float] = {}
        self._most_bytes = _LEAST_BYTES
        self._news = False
        self._closed = False

    @property
    def closed(self) -> bool:
        """Say whether nothing is passed on any more."""
        return self._closed

    def close(self) -> None:
        """End all waiting: nothing more comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def offer(self, message: str, parts: Mapping[str, Part], *, size: int, until: float) -> None:
        """Let sites have the ``parts`` of a message of ``size`` bytes, until it is withdrawn.

        Or until the time when the message itself is too old, in seconds since 1970.
        """
        with self._changed:
            self._most_bytes = max(self._most_bytes, _TIMES_A_MESSAGE * size)
            self._offered[message] = (until, parts)
            now = time.time()
            for old in [key for key, (end, _) in self._offered.items() if end < now]:
                del self._offered[old]

    def withdraw(self, message: str) -> None:
        """Offer a message's parts no longer."""
        with self._changed:
            self._offered.pop(message, None)

    def offered(self, part: str) -> bytes | None:
        """Return the bytes of a part that is offered, or None."""
        with self._changed:
            found = next((of[part] for _, of in self._offered.values() if part in of), None)
        return found() if found else None

    def hear(self, site: str) -> None:
        """Remember that bytes of a site have arrived just now."""
        self._heard[site] = time.monotonic()

    def heard(self, site: str) -> float:
        """Return when bytes of a site arrived last, by the monotonic clock; 0 before the first."""
        return self._heard.get(site, 0.0)

    def put(self, site: str, part: str, content: bytes) -> bool:
        """Take a part from a site; False if its bytes are not those of its id."""
        if hashlib.sha256(content).hexdigest() != part:
            return False
        with self._changed:
            held = self._arrived[site]
            # Others of a message follow the first one, and are no news.
            self._news |= not held
            held[part] = content
            # The oldest come first.
            size = sum(map(len, held.values()))
            for old in list(held)[:-1]:
                if size <= self._most_bytes:
                    break
                size -= len(held.pop(old))
            self._changed.notify_all()
        return True

    def wait_for(self, site: str, part: str, seconds: float) -> bytes | None:
        """Return a part that a site has sent, or sends within ``seconds``, or None."""
        with self._changed:
            self._changed.wait_for(lambda: part in self._arrived[site] or self._closed, seconds)
            return self._arrived[site].get(part)

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds``, or until there is news: a site begins to send, or what is told.

        What was new since the last pause ends this one.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._news or self._closed, seconds)
            self._news = False

    def tell(self) -> None:
        """Let a pause end."""
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def drop(self, site: str, part: str) -> None:
        """Forget a part that a site has sent, if it is there."""
        with self._changed:
            self._arrived[site].pop(part, None)
