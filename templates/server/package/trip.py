"""One trip: a message to each site, and the answers as they come, until a deadline.

A site that goes away while it has a message is waited for: if it comes back in time, it is sent
the message again, since what was sent to the process before is lost with that process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from flwr.app import Message
from flwr.serverapp import Grid

from .failure_codes import ENDING
from .late import LateReplies
from .pauses import pause
from .reasons import first_line
from .sites import Sites

# A message lives longer than its round, so that a reply that comes too late can be told: as long
# again as the round, but at least for these seconds.
_LATE_LEAST = 120.0
_WAITING_SECONDS = 10.0
# Flower's code; a site's own are in failure_codes.
_NODE_UNAVAILABLE = 5


class ReplyError(ValueError):
    """A reply that is missing or cannot be used, with the reason in one line."""


@dataclass(frozen=True)
class Answer:
    """What came back from a site after ``seconds``: a message, or the reason why there is none."""

    site: str
    seconds: float
    message: Message | None = None
    reason: str = ""

    @property
    def is_last(self) -> bool:
        """Say whether the site ends with it."""
        if self.message is None or not self.message.has_error():
            return False
        return self.message.error.code in ENDING

    def read(self) -> Message:
        """Return the message, which has content; raises ReplyError."""
        if self.message is None:
            raise ReplyError(self.reason)
        if self.message.has_error():
            raise ReplyError(first_line(self.message.error.reason))
        return self.message


@dataclass(frozen=True)
class Patience:
    """How long a trip may take, and how long a site may be away during it. In seconds."""

    seconds: float
    away: float
    poll: float


class Trip:
    """The messages of one round that are on their way."""

    def __init__(
        self,
        grid: Grid,
        sites: Sites,
        letters: Mapping[str, Message],
        patience: Patience,
        *,
        server_round: int,
        late: LateReplies,
    ) -> None:
        self._grid = grid
        self._sites = sites
        self._letters = letters
        self._patience = patience
        self._round = server_round
        self._late = late
        self._start = time.monotonic()
        self._waiting = set(letters)
        # The site that each message went to, and how often a site had joined when it was sent.
        self._open: dict[str, tuple[str, Message]] = {}
        self._joined: dict[str, int] = {}
        self._away: dict[str, float] = {}
        self._told = -_WAITING_SECONDS

    def answers(self, hopeless: Callable[[], bool] = lambda: False) -> Iterator[Answer]:
        """Yield every site's answer once, as it arrives; at the deadline, for the silent ones too.

        ``hopeless`` is asked after each pull whether the trip can be given up.
        """
        yield from self._send(self._letters)
        try:
            while self._waiting:
                self._sites.look()
                self._late.look()
                yield from self._pull()
                if self._waiting and hopeless():
                    yield from self._give_up(self._waiting, "the round was given up before")
                    return
                yield from self._follow()
                if self._waiting and self._seconds() >= self._patience.seconds:
                    for site in self._waiting:
                        # It may still be at it: nothing is sent to it until it says a word.
                        self._sites.doubt(site)
                    reason = f"no answer within {self._patience.seconds:g} s"
                    yield from self._give_up(self._waiting, reason)
                    return
                if self._waiting:
                    pause(self._grid, self._patience.poll)
        finally:
            open_at = {message_id: site for message_id, (site, _) in self._open.items()}
            self._late.expect(open_at, self._round, self._start)

    def _seconds(self) -> float:
        return time.monotonic() - self._start

    def _send(self, letters: Mapping[str, Message]) -> Iterator[Answer]:
        left = max(self._patience.seconds - self._seconds(), 0.0)
        for letter in letters.values():
            letter.metadata.ttl = left + max(self._patience.seconds, _LATE_LEAST)
        ids = list(self._grid.push_messages(list(letters.values())))
        for message_id, (site, letter) in zip(ids, letters.items(), strict=False):
            if message_id:
                self._open[message_id] = (site, letter)
                self._joined[site] = self._sites.joined(site)
        sent = {site for site, _ in self._open.values()}
        yield from self._give_up(letters.keys() - sent, "the message to it could not be sent")

    def _pull(self) -> Iterator[Answer]:
        for message in self._grid.pull_messages(list(self._open)) if self._open else ():
            site, letter = self._open.pop(message.metadata.reply_to_message_id, ("", None))
            if letter is None or site not in self._waiting:
                continue
            if _says_away(message, letter):
                self._sites.look(now=True)
                continue
            self._waiting.discard(site)
            answer = Answer(site, self._seconds(), message)
            if answer.is_last:
                self._sites.leaves(site)
            yield answer

    def _follow(self) -> Iterator[Answer]:
        """Send again to sites that came back; give up those that are away for too long."""
        now = time.monotonic()
        revoked = {site for site in self._waiting if self._sites.is_shut_out(site)}
        yield from self._give_up(revoked, "it was revoked")
        left = {site for site in self._waiting if self._sites.has_left(site)}
        yield from self._give_up(left, "it has ended, as it said in its last answer")
        present = self._sites.present()
        has_one = {site for site, _ in self._open.values()}
        back = {
            site: _again(self._letters[site], present[site])
            for site in self._waiting & present.keys()
            if site not in has_one or self._sites.joined(site) > self._joined[site]
        }
        if back:
            yield from self._send(dict(sorted(back.items())))
        for site in sorted(self._waiting):
            if self._sites.is_online(site):
                self._away.pop(site, None)
            elif site not in self._away:
                self._away[site] = now
                self._sites.emit("site-lost", round=self._round, site=site)
        limit = self._patience.away
        lost = {site for site, since in self._away.items() if now - since >= limit}
        reason = f"it went away and was not back within {limit:g} s"
        yield from self._give_up(lost & self._waiting, reason)
        away = sorted(self._away.keys() & self._waiting)
        if away and now - self._told >= _WAITING_SECONDS:
            self._told = now
            self._sites.tell_waiting(away, now - min(self._away[site] for site in away))

    def _give_up(self, sites: set[str], reason: str) -> Iterator[Answer]:
        for site in sorted(sites):
            self._waiting.discard(site)
            yield Answer(site, self._seconds(), reason=reason)


def _again(letter: Message, node: int) -> Message:
    metadata = letter.metadata
    return Message(letter.content, node, metadata.message_type, group_id=metadata.group_id)


def _says_away(message: Message, letter: Message) -> bool:
    """Say whether the SuperLink answered in the place of a site that is not there any more."""
    return (
        message.has_error()
        and message.error.code == _NODE_UNAVAILABLE
        and message.metadata.src_node_id != letter.metadata.dst_node_id
    )
