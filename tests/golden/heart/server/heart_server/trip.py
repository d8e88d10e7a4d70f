"""One trip: a message to each site, and the answers as they come, until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from flwr.app import Message
from flwr.serverapp import Grid

_LONGEST_REASON = 300


class ReplyError(ValueError):
    """A reply that is missing or cannot be used, with the reason in one line."""


@dataclass(frozen=True)
class Answer:
    """What came back from a site after ``seconds``: a message, or the reason why there is none."""

    site: str
    seconds: float
    message: Message | None = None
    reason: str = ""

    def read(self) -> Message:
        """Return the message, which has content; raises ReplyError."""
        if self.message is None:
            raise ReplyError(self.reason)
        if self.message.has_error():
            raise ReplyError(first_line(self.message.error.reason))
        return self.message


def send_and_gather(
    grid: Grid,
    letters: Mapping[str, Message],
    *,
    seconds: float,
    poll: float,
    meanwhile: Callable[[], None],
) -> Iterator[Answer]:
    """Send each site its letter and yield every site's answer once, as it arrives.

    After ``seconds`` the sites that are still silent are answered for. ``meanwhile`` is called
    between polls.
    """
    start = time.monotonic()
    for letter in letters.values():
        # What nobody waits for any more should not be trained on by a site that comes back.
        letter.metadata.ttl = seconds
    ids = list(grid.push_messages(list(letters.values())))
    open_letters = dict(zip(ids, letters, strict=False))
    for site in letters.keys() - {site for key, site in open_letters.items() if key}:
        yield Answer(site, 0.0, reason="the message to it could not be sent")
    open_letters = {key: site for key, site in open_letters.items() if key}

    while open_letters:
        for message in grid.pull_messages(list(open_letters)):
            name = open_letters.pop(message.metadata.reply_to_message_id, None)
            if name is not None:
                yield Answer(name, time.monotonic() - start, message)
        if not open_letters or time.monotonic() - start >= seconds:
            break
        meanwhile()
        time.sleep(poll)
    for name in sorted(open_letters.values()):
        yield Answer(name, time.monotonic() - start, reason=f"no answer within {seconds:g} s")


def first_line(reason: str | None) -> str:
    """Shorten what a site says of an error: a foreign client may send a whole trace."""
    lines = (reason or "").strip().splitlines()
    return lines[0][:_LONGEST_REASON] if lines else "an error without a reason"
